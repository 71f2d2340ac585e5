use proptest::prelude::*;
use serde_json::json;

use crate::{ALICE, BOB, Site};

#[tokio::test]
async fn pages_are_as_asked_for() {
    let site = Site::new().await;
    for index in 0..12 {
        site.thing(ALICE, &format!(r#"{{"name":"t{index}"}}"#))
            .await;
    }
    site.thing(BOB, "{}").await;
    for (query, offset, limit, count) in [
        ("", 0, 10, 10),
        ("?offset=0&limit=5", 0, 5, 5),
        ("?offset=10", 10, 10, 2),
        ("?limit=100", 0, 100, 12),
        ("?offset=007&limit=007", 7, 7, 5),
        ("?offset=12", 12, 10, 0),
        ("?offset=18446744073709551615", u64::MAX, 10, 0),
        ("?unknown=1&name=&limit=10", 0, 10, 10),
        ("?limit=3&broken=%zz", 0, 10, 10),
    ] {
        let page = site.get(ALICE, &format!("/things{query}")).await.json();
        let got = (&page["total"], &page["offset"], &page["limit"]);
        assert_eq!(got, (&json!(12), &json!(offset), &json!(limit)), "{query}");
        assert_eq!(page["things"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_400() {
    let site = Site::new().await;
    let name = format!("name={}", "x".repeat(1025));
    for query in [
        "limit=0",
        "limit=101",
        "limit=",
        "limit=+5",
        "limit=5.0",
        "limit=5&limit=5",
        "offset=-1",
        "offset=18446744073709551616",
        "offset=a",
        "offset=1&offset=1",
        "name=a&name=b",
        "name=%00",
        "name=%ff",
        "metadata=",
        "metadata=x",
        "metadata=[]",
        "metadata=%7B%22a%22:%22%5Cu0000%22%7D",
        "metadata=%7B%22a%22:%22%5Cud800%22%7D",
        "metadata={}&metadata={}",
        "cursor=",
        "cursor=1",
        "cursor=67e55044-10b1-426f-9247-bb680e5fe0c8&offset=1",
        &name,
    ] {
        for path in ["/things", "/channels"] {
            let answer = site.get(ALICE, &format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path} {query}");
        }
    }
}

#[tokio::test]
async fn a_cursor_goes_on_where_a_page_ended() {
    let site = Site::new().await;
    for _ in 0..5 {
        site.thing(ALICE, "{}").await;
        site.channel(ALICE, "{}").await;
    }
    for kind in ["things", "channels"] {
        let first = site.get(ALICE, &format!("/{kind}?limit=3")).await.json();
        assert_eq!(first["next"], first[kind][2]["id"]);
        let next = first["next"].as_str().unwrap();
        let path = format!("/{kind}?limit=3&cursor={next}");
        let second = site.get(ALICE, &path).await.json();
        assert_eq!(second[kind].as_array().unwrap().len(), 2);
        let rest = (second.get("total"), second.get("next"));
        assert_eq!(rest, (None, None));
        let whole = site.get(ALICE, &format!("/{kind}?offset=3")).await.json();
        assert_eq!(second[kind], whole[kind]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_query_breaks_a_list(
        query in "(offset|limit|name|metadata|x)?=?[0-9a-z%:&=+.,\\-]{0,40}",
        json in "\\{?\"?[a0]{0,2}\"?:?[\\[\\]{}\",:a0eE.\\\\u-]{0,20}\\}?",
        raw in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::new().await;
            let escape = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let (json, raw) = (escape(json.as_bytes()), escape(&raw));
            let queries = [query, format!("metadata={json}"), format!("name={raw}"), format!("offset={raw}")];
            for query in queries {
                for path in ["/things", "/channels", "/things/x/channels"] {
                    let answer = site.get(ALICE, &format!("{path}?{query}")).await;
                    assert!([200, 400, 404].contains(&answer.status.as_u16()), "{query}: {}", answer.body);
                }
            }
        });
    }
}
