use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::packet::Qos;

/// What a subscriber gets, worked out from its subscriptions one by one.
type Expected = BTreeMap<u32, (Qos, bool, Vec<u32>)>;

fn channel(number: u8) -> ChannelId {
    Uuid::from_u128(u128::from(number)).into()
}

fn filter(number: u8, tail: &str) -> TopicFilter {
    TopicFilter::parse(&format!("channels/{}/messages{tail}", channel(number))).unwrap()
}

fn subscription() -> impl Strategy<Value = Subscription> {
    let parts = (0..3u8, any::<bool>(), any::<bool>(), option::of(1..9u32));
    parts.prop_map(|(qos, no_local, retain_as_published, id)| Subscription {
        options: SubscribeOptions {
            qos: Qos::from_u8(qos).unwrap(),
            no_local,
            retain_as_published,
            ..SubscribeOptions::default()
        },
        id: id.and_then(NonZeroU32::new),
    })
}

/// Few levels, so that filters and topics meet.
const FILTER: &str = "(/(a|b|\\+|)){0,4}(/#)?";
const TOPIC: &str = "(/(a|b|c|)){0,4}";

fn found(index: &Index<u32>, number: u8, tail: &str, publisher: Option<u32>) -> Expected {
    let mut matches = Matches::default();
    index.find(channel(number), tail, publisher, &mut matches);
    let found: Expected = matches
        .iter()
        .map(|one| {
            let mut ids: Vec<u32> = matches.ids(one).iter().map(|id| id.get()).collect();
            ids.sort_unstable();
            (one.subscriber, (one.qos, one.retain_as_published, ids))
        })
        .collect();
    assert_eq!(found.len(), matches.len(), "a subscriber is found twice");
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn it_finds_what_each_filter_matches(
        steps in vec((0..2u8, FILTER, 0..5u32, option::weighted(0.7, subscription())), 0..40),
        topics in vec((0..2u8, TOPIC, option::of(0..5u32)), 1..10),
    ) {
        let mut index = Index::default();
        let mut all: BTreeMap<(u8, String, u32), Subscription> = BTreeMap::new();
        for (number, tail, subscriber, subscription) in steps {
            let key = (number, tail.clone(), subscriber);
            let (before, expected) = match subscription {
                Some(new) => (index.insert(&filter(number, &tail), subscriber, new), all.insert(key, new)),
                None => (index.remove(&filter(number, &tail), subscriber), all.remove(&key)),
            };
            prop_assert_eq!(before, expected);
        }
        for (number, topic, publisher) in &topics {
            let mut expected = Expected::new();
            for ((of, tail, subscriber), Subscription { options, id }) in &all {
                let own = options.no_local && *publisher == Some(*subscriber);
                if own || !filter(*of, tail).matches(channel(*number), topic) {
                    continue;
                }
                let entry = expected.entry(*subscriber).or_default();
                entry.0 = entry.0.max(options.qos);
                entry.1 |= options.retain_as_published;
                entry.2.extend(id.map(NonZeroU32::get));
                entry.2.sort_unstable();
            }
            prop_assert_eq!(found(&index, *number, topic, *publisher), expected, "{}", topic);
        }
        for (number, tail, subscriber) in all.keys() {
            index.remove(&filter(*number, tail), *subscriber);
        }
        prop_assert!(index.channels.is_empty(), "something is left: {:?}", index);
    }
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let mut index = Index::default();
    index.insert(&filter(1, "/a/+"), 1, Subscription::default());
    for tail in ["/a", "/a/+/b", "/b/+", "/#", "/a/+/#"] {
        assert_eq!(index.remove(&filter(1, tail), 1), None);
    }
    assert_eq!(index.remove(&filter(1, "/a/+"), 2), None);
    assert_eq!(index.remove(&filter(2, "/a/+"), 1), None);
    assert!(index.has_channel(channel(1)) && !index.has_channel(channel(2)));
    assert_eq!(found(&index, 1, "/a/b", None).len(), 1);
}

#[test]
fn deep_filters_are_found_and_removed() {
    let mut index = Index::default();
    let deep = "/+".repeat(128);
    index.insert(&filter(1, &deep), 1, Subscription::default());
    assert_eq!(found(&index, 1, &"/x".repeat(128), None).len(), 1);
    assert_eq!(found(&index, 1, &"/x".repeat(127), None).len(), 0);
    index.remove(&filter(1, &deep), 1);
    assert!(index.channels.is_empty());
}
