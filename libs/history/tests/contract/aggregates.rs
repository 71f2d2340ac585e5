use history::{Bucket, Comparison, Entry, Interval, Paging, Query};
use model::ChannelId;
use senml::Value;

use crate::{T, entry, histories, number, paging, raw, write};

/// Makes the entries that [`newest`] and [`oldest`] are of; [`T`] is a multiple of 100 seconds.
fn entries(channel: ChannelId) -> Vec<Entry> {
    vec![
        number(channel, "a", 1.0, 0.0),
        number(channel, "a", 2.0, 99.5),
        number(channel, "a", 6.0, 50.0),
        number(channel, "a", -4.0, 100.0),
        entry(channel, "a", Some(Value::Bool(true)), 300.0),
        raw(channel, b"x", 400.0),
    ]
}

fn newest() -> Bucket {
    Bucket {
        time: T + 100.0,
        unit: Some("Cel".to_owned()),
        min: -4.0,
        max: -4.0,
        avg: -4.0,
        sum: -4.0,
        count: 1,
    }
}

fn oldest() -> Bucket {
    Bucket {
        time: T,
        min: 1.0,
        max: 6.0,
        avg: 3.0,
        sum: 9.0,
        count: 3,
        ..newest()
    }
}

#[tokio::test]
async fn numbers_are_grouped_by_interval() {
    for history in histories().await {
        let channel = ChannelId::random();
        write(&history, &entries(channel)).await;
        let interval = Interval::seconds(100.0).unwrap();
        let query = Query::all(channel);
        let aggregate = async |query: &Query, paging| {
            let found = history.aggregate(query, interval, paging).await;
            found.unwrap()
        };
        let all = aggregate(&query, paging(10)).await;
        assert_eq!(all, (vec![newest(), oldest()], None));
        assert_eq!(history.count_buckets(&query, interval).await.unwrap(), 2);

        let (page, after) = aggregate(&query, paging(1)).await;
        assert_eq!(page, [newest()]);
        let second = Paging { after, ..paging(1) };
        let rest = aggregate(&query, second).await;
        assert_eq!(rest, (vec![oldest()], None));

        let positive = Query {
            value: Some((Comparison::Greater, 1.0)),
            ..query
        };
        let (buckets, _) = aggregate(&positive, paging(10)).await;
        assert_eq!((buckets.len(), buckets[0].count), (1, 2));
    }
}

#[tokio::test]
async fn a_unit_is_told_when_all_have_it() {
    for history in histories().await {
        let channel = ChannelId::random();
        let mut other = number(channel, "a", 1.0, 1.0);
        if let history::Content::Record(record) = &mut other.content {
            record.unit = None;
        }
        write(&history, &[number(channel, "a", 1.0, 0.0), other]).await;
        let interval = Interval::seconds(100.0).unwrap();
        let (buckets, _) = history
            .aggregate(&Query::all(channel), interval, paging(10))
            .await
            .unwrap();
        assert_eq!(buckets[0].unit, None);
    }
}

#[test]
fn an_interval_has_a_length() {
    for seconds in [0.0, -1.0, 0.0001, f64::NAN, f64::INFINITY] {
        assert_eq!(Interval::seconds(seconds), None);
    }
}
