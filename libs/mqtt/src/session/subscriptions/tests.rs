use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;
use crate::packet::SubscribeOptions;

fn filter(channel: ChannelId, tail: &str) -> TopicFilter {
    TopicFilter::parse(&format!("channels/{channel}/messages{tail}")).unwrap()
}

fn with(qos: Qos, no_local: bool, id: u32) -> Subscription {
    Subscription {
        options: SubscribeOptions {
            qos,
            no_local,
            ..SubscribeOptions::default()
        },
        id: NonZeroU32::new(id),
    }
}

#[test]
fn overlapping_subscriptions_come_to_one_copy() {
    let channel = ChannelId::random();
    let mut subscriptions = Subscriptions::default();
    subscriptions.set(&filter(channel, "/#"), with(Qos::AtMostOnce, false, 7));
    subscriptions.set(&filter(channel, "/a"), with(Qos::ExactlyOnce, true, 9));
    let wanted = subscriptions.wanted(channel, "/a", false).unwrap();
    assert_eq!((wanted.qos, wanted.ids.len()), (Qos::ExactlyOnce, 2));
    let own = subscriptions.wanted(channel, "/a", true).unwrap();
    assert_eq!(
        (own.qos, own.ids),
        (Qos::AtMostOnce, vec![NonZeroU32::new(7).unwrap()])
    );
    assert_eq!(subscriptions.wanted(ChannelId::random(), "/a", false), None);
}

#[test]
fn setting_again_replaces_and_removing_forgets() {
    let channel = ChannelId::random();
    let mut subscriptions = Subscriptions::default();
    let all = filter(channel, "/#");
    assert_eq!(
        subscriptions.set(&all, with(Qos::AtLeastOnce, true, 0)),
        None
    );
    assert!(subscriptions.wants_acknowledged(channel) && subscriptions.has_no_local());
    assert!(
        subscriptions
            .set(&all, with(Qos::AtMostOnce, false, 0))
            .is_some()
    );
    assert!(!subscriptions.wants_acknowledged(channel) && !subscriptions.has_no_local());
    assert_eq!(subscriptions.len(), 1);
    assert!(subscriptions.remove(&all).is_some());
    assert!(subscriptions.remove(&all).is_none());
    assert!(subscriptions.channels().is_empty() && subscriptions.len() == 0);
    subscriptions.set(&all, with(Qos::AtLeastOnce, true, 0));
    subscriptions.remove_channel(channel);
    assert!(subscriptions.len() == 0 && !subscriptions.has_no_local());
}

const CHANNELS: [u128; 2] = [1, 2];

/// Few levels, so that filters meet each other and the topics.
fn any_filter() -> impl Strategy<Value = TopicFilter> {
    let parts = (0..4_u8, select(&CHANNELS), "(/(a|b|\\+|\\$)){0,3}(/#)?");
    parts.prop_map(|(kind, channel, tail)| {
        let channel = ChannelId::from(Uuid::from_u128(channel));
        let share = if kind == 0 { "$share/g/" } else { "" };
        let text = format!("{share}channels/{channel}/messages{tail}");
        // What is relative has something after `messages/`.
        let relative = kind == 1 && !tail.is_empty();
        TopicFilter::parse(&text).unwrap().with_relative(relative)
    })
}

fn any_subscription() -> impl Strategy<Value = Subscription> {
    let qos = select(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
    (qos, any::<bool>(), 0..4_u32).prop_map(|(qos, no_local, id)| with(qos, no_local, id))
}

/// Works out what is wanted from all subscriptions one by one.
fn naive(
    all: &HashMap<TopicFilter, Subscription>,
    channel: ChannelId,
    tail: &str,
    own: bool,
) -> Option<Wanted> {
    let wanting = all.iter().filter(|(filter, subscription)| {
        filter.group().is_none()
            && filter.matches(channel, tail)
            && !(own && subscription.options.no_local)
    });
    let wanting: Vec<_> = wanting.collect();
    let qos = wanting.iter().map(|(_, one)| one.options.qos).max()?;
    let mut ids: Vec<_> = wanting.iter().filter_map(|(_, one)| one.id).collect();
    ids.sort_unstable();
    Some(Wanted {
        qos,
        retain_as_published: false,
        relative: wanting.iter().all(|(filter, _)| filter.is_relative()),
        ids,
    })
}

proptest! {
    #[test]
    fn they_are_what_a_list_of_them_is(
        steps in vec((any_filter(), option::weighted(0.7, any_subscription())), 0..40),
        topics in vec((select(&CHANNELS), "(/(a|b|\\$)){0,3}", any::<bool>()), 1..10),
    ) {
        let mut subscriptions = Subscriptions::default();
        let mut all = HashMap::new();
        for (filter, step) in steps {
            prop_assert_eq!(subscriptions.get(&filter), all.get(&filter).copied());
            let (before, expected) = match step {
                Some(new) => {
                    // The filter that was written last counts, relative or not.
                    let before = all.remove(&filter);
                    all.insert(filter.clone(), new);
                    (subscriptions.set(&filter, new), before)
                }
                None => (subscriptions.remove(&filter), all.remove(&filter)),
            };
            prop_assert_eq!(before, expected);
            let entries: HashMap<_, _> = subscriptions.iter().map(|(filter, one)| (filter.clone(), *one)).collect();
            prop_assert_eq!(&entries, &all);
            prop_assert_eq!(subscriptions.len(), all.len());
            let own: Vec<_> = all.iter().filter(|(filter, _)| filter.group().is_none()).collect();
            prop_assert_eq!(subscriptions.has_no_local(), own.iter().any(|(_, one)| one.options.no_local));
            for channel in CHANNELS.map(|channel| ChannelId::from(Uuid::from_u128(channel))) {
                let here: Vec<_> = own.iter().filter(|(filter, _)| filter.channel() == channel).collect();
                prop_assert_eq!(subscriptions.own(channel).count(), here.len());
                prop_assert_eq!(subscriptions.has_own(channel), !here.is_empty());
                prop_assert_eq!(
                    subscriptions.wants_acknowledged(channel),
                    here.iter().any(|(_, one)| one.options.qos > Qos::AtMostOnce)
                );
                let known = all.keys().any(|filter| filter.channel() == channel);
                prop_assert_eq!(subscriptions.channels().contains(&channel), known);
            }
        }
        for (channel, tail, own) in topics {
            let channel = Uuid::from_u128(channel).into();
            let mut wanted = subscriptions.wanted(channel, &tail, own);
            if let Some(wanted) = &mut wanted {
                wanted.ids.sort_unstable();
            }
            prop_assert_eq!(wanted, naive(&all, channel, &tail, own), "{}", tail);
        }
        for channel in subscriptions.channels() {
            subscriptions.remove_channel(channel);
        }
        prop_assert!(subscriptions.len() == 0 && subscriptions.iter().next().is_none() && !subscriptions.has_no_local());
    }
}
