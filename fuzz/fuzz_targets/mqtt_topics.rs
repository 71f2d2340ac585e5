//! A filter and a topic name, one on each line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use messaging::{Message, Protocol, Record};
use model::ThingId;
use mqtt::{Index, Matches, Route, Subscription, TopicFilter, TopicName};

fuzz_target!(|text: &str| {
    let (filter, topic) = text.split_once('\n').unwrap_or((text, text));
    let name = TopicName::parse(topic);
    if let Ok(name) = name {
        assert_eq!(mqtt::tail(topic), name.tail);
        if let Ok(route) = name.route() {
            check_kept(&name, route);
        }
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

/// What is published to the topic is read from the bus as it was written.
fn check_kept(name: &TopicName, route: Route) {
    let publisher = ThingId::random();
    let mut message = Message::new(
        name.channel,
        route.subtopic,
        publisher,
        Protocol::Mqtt,
        bytes::Bytes::new(),
    );
    message.content_type = route.content_type;
    message.topic = Some(name.text.to_owned());
    let mut written = Vec::new();
    message.encode(&mut written);
    let read = Message::decode(&written).expect("what was written can be read");
    assert_eq!(read, message);
}
