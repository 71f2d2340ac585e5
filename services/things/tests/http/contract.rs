//! Every row of contract sections 2.1 and 2.2 with each of its cases.

use crate::{ALICE, Answer, BOB, JSON, NOBODY, Site};

const ROWS: &str = include_str!("../data/contract.txt");

struct Stage {
    site: Site,
    names: [(&'static str, String); 6],
}

impl Stage {
    /// Alice has two things and two channels, one of which is open to the first; Bob has a thing.
    async fn new() -> Self {
        let site = Site::new().await;
        let thing = site.thing(ALICE, r#"{"key":"taken"}"#).await;
        let open = site.channel(ALICE, "{}").await;
        let path = format!("/channels/{open}/things/{thing}");
        assert_eq!(site.send("PUT", ALICE, &path, "", "").await.status, 200);
        let names = [
            ("{spare}", site.thing(ALICE, "{}").await),
            ("{channel}", site.channel(ALICE, "{}").await),
            ("{theirs}", site.thing(BOB, "{}").await),
            ("{nobody}", NOBODY.to_owned()),
            ("{thing}", thing),
            ("{open}", open),
        ];
        Self { site, names }
    }

    fn fill(&self, text: &str) -> String {
        let fill = |text: String, (name, id): &(&str, String)| text.replace(name, id);
        self.names.iter().fold(text.to_owned(), fill)
    }

    /// Sends what a row asks for; `-` is nothing.
    async fn ask(&self, [method, path, token, ty, body]: [&str; 5]) -> Answer {
        let given = |text: &str| self.fill(text.trim_matches('-'));
        let (path, ty, body) = (self.fill(path), given(ty), given(body));
        if path == "/identify" || path.contains("/access") {
            return self.site.auth_raw(&path, &ty, &body).await;
        }
        let token = given(token);
        self.site.send(method, &token, &path, &ty, &body).await
    }
}

#[tokio::test]
async fn every_row_has_its_status() {
    let stage = Stage::new().await;
    let rows = ROWS.lines().filter(|line| !line.starts_with('#'));
    for row in rows.filter(|line| !line.is_empty()) {
        let words: Vec<_> = row.split_whitespace().take(6).collect();
        let [status, asked @ ..] = <[&str; 6]>::try_from(words).unwrap();
        let answer = stage.ask(asked).await;
        let status: u16 = status.parse().unwrap();
        assert_eq!(answer.status, status, "{row} {}", answer.body);
        if status < 300 {
            assert_eq!(answer.header("content-type"), JSON, "{row}");
            continue;
        }
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{row}");
        for member in ["code", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty(), "{row}");
        }
    }
}
