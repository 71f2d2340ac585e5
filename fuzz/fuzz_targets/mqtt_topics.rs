//! A filter and a topic name, one on each line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mqtt::{Index, Matches, Subscription, TopicFilter, TopicName};

fuzz_target!(|text: &str| {
    let (filter, topic) = text.split_once('\n').unwrap_or((text, text));
    let name = TopicName::parse(topic);
    if let Ok(name) = name {
        assert_eq!(mqtt::tail(topic), name.tail);
        let _ = name.route();
    }
    let (Ok(filter), Ok(name)) = (TopicFilter::parse(filter), name) else {
        return;
    };
    let (mut index, mut found) = (Index::default(), Matches::default());
    index.insert(&filter, 0_u32, Subscription::default());
    index.find(name.channel, name.tail, None, &mut found);
    assert_eq!(found.len() == 1, filter.matches(name.channel, name.tail));
    assert!(index.remove(&filter, 0).is_some());
    assert!(!index.has_channel(filter.channel()));
});
