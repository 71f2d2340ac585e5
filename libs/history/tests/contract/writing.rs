use history::{Content, Query};
use model::ChannelId;
use senml::{Record, Value};

use crate::{NOW, T, entry, found, histories, number, raw, write};

#[tokio::test]
async fn everything_comes_back_as_it_was_written() {
    for history in histories().await {
        let channel = ChannelId::random();
        let values = [
            Value::Number(-1.5e-300),
            Value::Text("ü💡 'x'".to_owned()),
            Value::Bool(false),
            Value::Data("aGkgCg".to_owned()),
        ];
        let mut entries: Vec<_> = values
            .into_iter()
            .zip([8.0, 7.0, 6.0, 5.0])
            .map(|(value, seconds)| entry(channel, "a", Some(value), seconds))
            .collect();
        let mut full = entry(channel, "sum", None, 0.001);
        full.subtopic = "room.1".to_owned();
        full.content = Content::Record(Record {
            name: "sum".to_owned(),
            unit: None,
            value: None,
            sum: Some(2.5),
            time: T + 0.001,
            update_time: Some(60.0),
            link: Some("x".to_owned()),
        });
        entries.push(full);
        entries.push(raw(channel, b"\0\xff raw", 0.0));
        write(&history, &entries).await;
        assert_eq!(found(&history, &Query::all(channel)).await, entries);
        assert_eq!(found(&history, &Query::all(ChannelId::random())).await, []);
    }
}

#[tokio::test]
async fn what_is_written_again_is_stored_once() {
    for history in histories().await {
        let channel = ChannelId::random();
        let mut second = number(channel, "a", 2.0, 1.0);
        let first = number(channel, "a", 1.0, 1.0);
        second.id = first.id;
        second.part = 1;
        write(&history, &[first.clone(), second.clone()]).await;
        let third = number(channel, "a", 3.0, 1.0);
        let again = [first.clone(), third, second.clone(), first];
        assert_eq!(history.write(&again[..], NOW).await.unwrap(), 1);
        assert_eq!(history.write([], NOW).await.unwrap(), 0);
        assert_eq!(found(&history, &Query::all(channel)).await.len(), 3);
        let sizes: usize = again[..3].iter().map(history::Entry::size).sum();
        let usage = history.usage(None, 10).await.unwrap();
        assert_eq!(usage, [(channel, sizes as u64)]);
    }
}

#[tokio::test]
async fn only_one_process_at_a_time_leads() {
    for history in histories().await {
        let guard = history.lead("test").await.unwrap();
        assert!(guard.is_some());
        assert!(history.lead("test").await.unwrap().is_none());
    }
}
