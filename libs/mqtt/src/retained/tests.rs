use std::time::Duration;

use model::{MessageId, Subtopic, ThingId};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn message(channel: ChannelId, tail: &str, payload: &'static [u8]) -> Message {
    let mut message = Message::new(
        channel,
        Subtopic::from_mqtt(tail).unwrap(),
        ThingId::random(),
        messaging::Protocol::Mqtt,
        Bytes::from_static(payload),
    );
    message.topic = Some(format!("channels/{channel}/messages{tail}"));
    message.retain = true;
    message
}

fn filter(channel: ChannelId, tail: &str) -> TopicFilter {
    TopicFilter::parse(&format!("channels/{channel}/messages{tail}")).unwrap()
}

fn find(store: &Retained, channel: ChannelId, tail: &str, now: Timestamp) -> Vec<MessageId> {
    let mut found = Vec::new();
    let end = store.find(&filter(channel, tail), None, usize::MAX, now, &mut found);
    assert_eq!(end, None);
    found.iter().map(|message| message.id).collect()
}

#[test]
fn the_last_message_of_a_topic_is_kept() {
    let (channel, mut store) = (ChannelId::random(), Retained::default());
    let (first, second) = (message(channel, "/a", b"1"), message(channel, "/a", b"22"));
    let (_, other) = (store.set(Arc::new(first)), message(channel, "/b", b"3"));
    store.set(Arc::new(second.clone())).unwrap();
    store.set(Arc::new(other.clone())).unwrap();
    assert_eq!(store.len(), 2);
    assert_eq!(store.bytes(), size(&second) + size(&other));
    assert_eq!(find(&store, channel, "/a", NOW), [second.id]);
    assert_eq!(find(&store, channel, "/#", NOW).len(), 2);
    assert_eq!(find(&store, channel, "", NOW), []);
    assert_eq!(find(&store, ChannelId::random(), "/#", NOW), []);

    store.set(Arc::new(message(channel, "/a", b""))).unwrap();
    store.set(Arc::new(message(channel, "/b", b""))).unwrap();
    assert_eq!((store.len(), store.bytes()), (0, 0));
    assert!(store.channels.is_empty());
}

#[test]
fn topics_that_other_protocols_cannot_tell_apart_are_kept_apart() {
    let (channel, mut store) = (ChannelId::random(), Retained::default());
    for tail in ["/a/b", "/a.b", "/a//b", "/a/b/"] {
        store.set(Arc::new(message(channel, tail, b"x"))).unwrap();
    }
    assert_eq!(store.len(), 4);
    assert_eq!(find(&store, channel, "/+", NOW).len(), 1);
}

#[test]
fn limits_hold_and_replacing_needs_only_the_difference() {
    let (channel, other) = (ChannelId::random(), ChannelId::random());
    let mut store = Retained::new(RetainedLimits {
        messages: 3,
        bytes: 4 * OVERHEAD,
        channel_messages: 2,
    });
    let set = |store: &mut Retained, channel, tail, payload| {
        store.set(Arc::new(message(channel, tail, payload)))
    };
    assert_eq!(set(&mut store, channel, "/a", b"1"), Ok(()));
    assert_eq!(set(&mut store, channel, "/b", b"1"), Ok(()));
    assert_eq!(set(&mut store, channel, "/c", b"1"), Err(Full));
    assert_eq!(set(&mut store, channel, "/b", b"2"), Ok(()));
    assert_eq!(set(&mut store, other, "/a", &[1; 4 * OVERHEAD]), Err(Full));
    assert_eq!(set(&mut store, other, "/a", b"1"), Ok(()));
    assert_eq!(set(&mut store, ChannelId::random(), "/a", b"1"), Err(Full));
    assert_eq!(set(&mut store, other, "/a", b""), Ok(()));
    assert_eq!(set(&mut store, ChannelId::random(), "/a", b"1"), Ok(()));
}

#[test]
fn what_expired_is_not_found_and_goes() {
    let (channel, mut store) = (ChannelId::random(), Retained::default());
    let mut short = message(channel, "/a", b"1");
    short.expires = Some(NOW.plus(Duration::from_secs(1)));
    let key = RetainedKey::of(&short);
    store.set(Arc::new(short)).unwrap();
    store.set(Arc::new(message(channel, "/b", b"1"))).unwrap();
    assert_eq!(find(&store, channel, "/a", NOW).len(), 1);
    let later = NOW.plus(Duration::from_secs(1));
    assert_eq!(find(&store, channel, "/a", later), []);
    assert_eq!(find(&store, channel, "/#", later).len(), 1);
    assert_eq!(store.expire(later), [key]);
    assert_eq!(store.expire(later), []);
    assert_eq!(store.len(), 1);
}

#[test]
fn chunks_see_each_message_once() {
    let (channel, mut store) = (ChannelId::random(), Retained::default());
    for n in 0..300 {
        let parent = if n % 3 == 0 { "x" } else { "y" };
        let message = message(channel, &format!("/{parent}/{n}"), b"1");
        store.set(Arc::new(message)).unwrap();
    }
    let (filter, mut found, mut after) = (filter(channel, "/x/+"), Vec::new(), None);
    let mut chunks = 0;
    loop {
        let before = found.len();
        after = store.find(&filter, after, 50, NOW, &mut found);
        chunks += 1;
        assert!(found.len() - before <= 50);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(chunks, 6);
    let mut ids: Vec<_> = found.iter().map(|message| message.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), found.len()), (100, 100));
}

#[test]
fn the_bucket_is_followed() {
    let (channel, mut store) = (ChannelId::random(), Retained::default());
    let message = message(channel, "/\u{1}é/a b", b"1");
    let key = RetainedKey::of(&message).to_string();
    assert!(key.len() <= 256);
    assert!(
        key.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-/".contains(&byte))
    );

    let put = |key: &str| Entry::Put(key.to_owned(), encode_retained(&message));
    store.apply(&put(&key)).unwrap();
    store.apply(&Entry::Current).unwrap();
    assert_eq!(find(&store, channel, "/+/+", NOW), [message.id]);

    let wrong = RetainedKey::new(channel, "/other").to_string();
    assert!(matches!(store.apply(&put(&wrong)), Err(ApplyError::Key)));
    let garbage = Entry::Put(key.clone(), Bytes::from_static(b"\xff\xff"));
    assert!(matches!(store.apply(&garbage), Err(ApplyError::Value(_))));
    assert!(matches!(
        store.apply(&Entry::Deleted("x".to_owned())),
        Err(ApplyError::Key)
    ));
    assert_eq!(store.len(), 1);

    store.apply(&Entry::Deleted(key)).unwrap();
    assert!(store.is_empty());
}
