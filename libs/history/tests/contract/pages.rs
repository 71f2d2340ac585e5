use history::{Comparison, Content, Cursor, Entry, History, Paging, Query};
use model::{ChannelId, ThingId};
use senml::Value;

use crate::{T, entry, found, histories, number, paging, raw, write};

async fn names(history: &History, query: Query) -> Vec<String> {
    let entries = found(history, &query).await;
    entries.iter().map(name).collect()
}

fn name(entry: &Entry) -> String {
    match &entry.content {
        Content::Record(record) => record.name.clone(),
        Content::Raw(_) => "raw".to_owned(),
    }
}

/// Makes one entry of each kind, named after it, newest first; the thing sent the second.
fn one_of_each(channel: ChannelId) -> (Vec<Entry>, ThingId) {
    let mut dotted = number(channel, "dotted", 5.0, 6.0);
    dotted.subtopic = "a.b".to_owned();
    let mut by_http = number(channel, "http", 10.0, 5.0);
    by_http.protocol = "http".to_owned();
    let publisher = by_http.publisher;
    let text = Some(Value::Text("on".to_owned()));
    let entries = vec![
        dotted,
        by_http,
        entry(channel, "text", text, 4.0),
        entry(channel, "yes", Some(Value::Bool(true)), 3.0),
        entry(channel, "data", Some(Value::Data("AQ".to_owned())), 2.0),
        raw(channel, b"x", 0.0),
        number(ChannelId::random(), "other", 5.0, 1.0),
    ];
    (entries, publisher)
}

#[tokio::test]
async fn each_filter_chooses_what_it_says() {
    for history in histories().await {
        let channel = ChannelId::random();
        let (entries, publisher) = one_of_each(channel);
        write(&history, &entries).await;
        let query = |change: &dyn Fn(&mut Query)| {
            let mut query = Query::all(channel);
            change(&mut query);
            query
        };
        let some = |text: &str| Some(text.to_owned());
        for (query, expected) in [
            (query(&|_| {}), "dotted http text yes data raw"),
            (query(&|q| q.subtopic = some("a.b")), "dotted"),
            (query(&|q| q.subtopic = some("")), "http text yes data raw"),
            (query(&|q| q.publisher = Some(publisher)), "http"),
            (query(&|q| q.protocol = some("http")), "http"),
            (query(&|q| q.name = some("yes")), "yes"),
            (query(&|q| q.text = some("on")), "text"),
            (query(&|q| q.bool = Some(true)), "yes"),
            (query(&|q| q.bool = Some(false)), ""),
            (query(&|q| q.data = some("AQ")), "data"),
            (query(&|q| q.raw = Some(true)), "raw"),
            (query(&|q| q.raw = Some(false)), "dotted http text yes data"),
            (query(&|q| q.from = Some(T + 5.0)), "dotted http"),
            (query(&|q| q.to = Some(T + 5.0)), "text yes data raw"),
            (
                query(&|q| (q.from, q.to) = (Some(T + 2.0), Some(T + 4.0))),
                "yes data",
            ),
        ] {
            let found = names(&history, query.clone()).await.join(" ");
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

#[tokio::test]
async fn numbers_compare() {
    for history in histories().await {
        let channel = ChannelId::random();
        write(&history, &one_of_each(channel).0).await;
        for (comparison, value, protocol, expected) in [
            (Comparison::Equal, 5.0, None, "dotted"),
            (Comparison::Less, 10.0, None, "dotted"),
            (Comparison::LessOrEqual, 10.0, None, "dotted http"),
            (Comparison::Greater, 5.0, None, "http"),
            (Comparison::GreaterOrEqual, 5.0, None, "dotted http"),
            (Comparison::Equal, 5.0, Some("http"), ""),
        ] {
            let query = Query {
                value: Some((comparison, value)),
                protocol: protocol.map(str::to_owned),
                ..Query::all(channel)
            };
            let found = names(&history, query.clone()).await.join(" ");
            assert_eq!(found, expected, "{query:?}");
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
async fn nothing_is_missed_where_one_partition_ends() {
    for history in histories().await {
        let channel = ChannelId::random();
        let start = (T / 604_800.0).floor() * 604_800.0;
        let mut entries = Vec::new();
        // Of two moments that are one when they are rounded, too.
        for time in [start.next_up(), start, start.next_down()] {
            let mut moment = [(); 3].map(|()| number(channel, "a", 1.0, 0.0));
            for entry in &mut moment {
                if let Content::Record(record) = &mut entry.content {
                    record.time = time;
                }
            }
            moment.sort_by_key(|entry| std::cmp::Reverse(entry.id.uuid()));
            entries.extend(moment);
        }
        write(&history, &entries).await;
        assert_eq!(found(&history, &Query::all(channel)).await, entries);
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let one = Paging { after, ..paging(1) };
            let page = history.read(&Query::all(channel), one).await.unwrap();
            pages.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, entries);
        for (to, expected) in [(start.next_up(), &entries[3..]), (start, &entries[6..])] {
            let to = Some(to);
            let query = Query {
                to,
                ..Query::all(channel)
            };
            assert_eq!(found(&history, &query).await, expected);
        }
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
