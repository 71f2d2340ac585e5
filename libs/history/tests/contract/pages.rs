use history::{Comparison, Cursor, Entry, History, Paging, Query};
use model::ChannelId;
use senml::Value;

use crate::{T, entry, found, histories, number, paging, raw, write};

async fn names(history: &History, query: Query) -> Vec<String> {
    let entries = found(history, &query).await;
    entries.iter().map(name).collect()
}

fn name(entry: &Entry) -> String {
    match &entry.content {
        history::Content::Record(record) => record.name.clone(),
        history::Content::Raw(_) => "raw".to_owned(),
    }
}

#[tokio::test]
async fn each_filter_chooses_what_it_says() {
    for history in histories().await {
        let channel = ChannelId::random();
        let mut dotted = number(channel, "dotted", 5.0, 6.0);
        dotted.subtopic = "a.b".to_owned();
        let mut by_http = number(channel, "http", 10.0, 5.0);
        by_http.protocol = "http".to_owned();
        let publisher = by_http.publisher;
        let text = entry(channel, "text", Some(Value::Text("on".to_owned())), 4.0);
        let yes = entry(channel, "yes", Some(Value::Bool(true)), 3.0);
        let data = entry(channel, "data", Some(Value::Data("AQ".to_owned())), 2.0);
        let other = number(ChannelId::random(), "other", 5.0, 1.0);
        let entries = [
            dotted,
            by_http,
            text,
            yes,
            data,
            raw(channel, b"x", 0.0),
            other,
        ];
        write(&history, &entries).await;
        let all = Query::all(channel);
        let query = |change: &dyn Fn(&mut Query)| {
            let mut query = all.clone();
            change(&mut query);
            query
        };
        let value = |comparison, value| query(&move |q| q.value = Some((comparison, value)));
        for (query, expected) in [
            (all.clone(), "dotted http text yes data raw"),
            (query(&|q| q.subtopic = Some("a.b".to_owned())), "dotted"),
            (
                query(&|q| q.subtopic = Some(String::new())),
                "http text yes data raw",
            ),
            (query(&|q| q.publisher = Some(publisher)), "http"),
            (query(&|q| q.protocol = Some("http".to_owned())), "http"),
            (query(&|q| q.name = Some("yes".to_owned())), "yes"),
            (query(&|q| q.text = Some("on".to_owned())), "text"),
            (query(&|q| q.bool = Some(true)), "yes"),
            (query(&|q| q.bool = Some(false)), ""),
            (query(&|q| q.data = Some("AQ".to_owned())), "data"),
            (query(&|q| q.raw = Some(true)), "raw"),
            (query(&|q| q.raw = Some(false)), "dotted http text yes data"),
            (query(&|q| q.from = Some(T + 5.0)), "dotted http"),
            (query(&|q| q.to = Some(T + 5.0)), "text yes data raw"),
            (
                query(&|q| (q.from, q.to) = (Some(T + 2.0), Some(T + 4.0))),
                "yes data",
            ),
            (value(Comparison::Equal, 5.0), "dotted"),
            (value(Comparison::Less, 10.0), "dotted"),
            (value(Comparison::LessOrEqual, 10.0), "dotted http"),
            (value(Comparison::Greater, 5.0), "http"),
            (value(Comparison::GreaterOrEqual, 5.0), "dotted http"),
            (
                query(&|q| {
                    q.value = Some((Comparison::Equal, 5.0));
                    q.protocol = Some("http".to_owned());
                }),
                "",
            ),
        ] {
            assert_eq!(
                names(&history, query.clone()).await.join(" "),
                expected,
                "{query:?}"
            );
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_even_within_one_moment() {
    for history in histories().await {
        let channel = ChannelId::random();
        // More than are read at once, of two moments, so that ids and places decide.
        let mut entries: Vec<_> = (0..150)
            .map(|n| number(channel, "a", 1.0, f64::from(n % 2)))
            .collect();
        for (part, entry) in (0..10).zip(&mut entries) {
            entry.part = part;
        }
        write(&history, &entries).await;
        let all = found(&history, &Query::all(channel)).await;
        assert_eq!(all.len(), 150);
        for limit in [1, 7, 149, 150] {
            let mut pages = Vec::new();
            let mut after = None;
            loop {
                let paging = Paging {
                    after,
                    ..paging(limit)
                };
                let page = history.read(&Query::all(channel), paging).await.unwrap();
                assert!(page.entries.len() <= limit as usize);
                pages.extend(page.entries);
                let Some(next) = page.next else { break };
                // As it is on its way through a URL.
                after = Cursor::decode(&next.encode());
                assert_eq!(after, Some(next));
            }
            assert_eq!(pages, all);
        }
        let from = Paging {
            offset: 140,
            ..paging(100)
        };
        let page = history.read(&Query::all(channel), from).await.unwrap();
        assert_eq!(page.entries, all[140..]);
    }
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes() {
    for history in histories().await {
        let channel = ChannelId::random();
        let entries: Vec<_> = (0..5)
            .map(|n| number(channel, "a", 1.0, f64::from(n)))
            .collect();
        write(&history, &entries).await;
        let paging = Paging {
            bytes: entries[0].size(),
            ..paging(5)
        };
        let page = history.read(&Query::all(channel), paging).await.unwrap();
        assert_eq!(page.entries.len(), 2);
        assert!(page.next.is_some());
    }
}

#[test]
fn what_is_no_cursor_is_refused() {
    for text in [
        "",
        "x",
        "AAAA",
        &"A".repeat(38),
        &"_".repeat(38),
        &"A".repeat(80),
    ] {
        if let Some(cursor) = Cursor::decode(text) {
            assert_eq!(cursor.encode(), text);
        }
    }
    assert_eq!(Cursor::decode("????"), None);
    assert_eq!(Cursor::decode(&"A".repeat(80)), None);
}
