//! How changes of the registry reach the caches and the sessions, whether they are told or not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adapter::{CutReason, Session};
use model::{Action, ChannelId, ThingId, Timestamp, UserId};
use proto::{Change, Event};

use crate::stage::{Stage, eventually};
use crate::{key, of_key};

/// A session that receives from a channel, and whose answers are cached.
struct Device {
    thing: ThingId,
    channel: ChannelId,
    session: Session,
}

async fn device(stage: &Stage, text: &str) -> Device {
    let (thing, channel) = stage.things.connected(text);
    let session = stage
        .adapter
        .session(of_key(text, Some(channel)))
        .await
        .unwrap();
    stage
        .adapter
        .authorize(thing, channel, Action::Publish)
        .await
        .unwrap();
    Device {
        thing,
        channel,
        session,
    }
}

async fn cut(device: &Device) -> CutReason {
    let cut = tokio::time::timeout(Duration::from_secs(10), device.session.cut()).await;
    cut.expect("the session is cut")
}

#[tokio::test]
async fn a_removed_thing_is_cut() {
    let stage = Stage::new().await;
    let (device, bystander) = (device(&stage, "k").await, device(&stage, "l").await);
    stage.things.state.lock().keys.remove("k");
    stage
        .publish(Change::ThingRemoved { id: device.thing })
        .await;
    assert_eq!(cut(&device).await, CutReason::ThingRemoved);
    assert!(stage.adapter.authenticate(&key("k")).await.is_err());
    assert!(
        !stage
            .adapter
            .cached(device.thing, device.channel, Action::Publish)
    );
    assert_eq!(bystander.session.is_cut(), None);
}

#[tokio::test]
async fn an_old_key_is_cut_and_a_new_one_is_not() {
    let stage = Stage::new().await;
    let device = device(&stage, "old").await;
    stage.things.state.lock().keys = [("new".to_owned(), device.thing)].into();
    // The device may be faster than the event.
    let quick = stage
        .adapter
        .session(of_key("new", Some(device.channel)))
        .await
        .unwrap();
    stage
        .publish(Change::ThingKeyChanged { id: device.thing })
        .await;
    assert_eq!(cut(&device).await, CutReason::KeyChanged);
    assert!(stage.adapter.authenticate(&key("old")).await.is_err());
    assert_eq!(
        stage.adapter.authenticate(&key("new")).await,
        Ok(device.thing)
    );
    assert_eq!(quick.is_cut(), None);
}

#[tokio::test]
async fn a_lost_connection_is_cut_and_one_made_again_is_not() {
    let stage = Stage::new().await;
    let (lost, again) = (device(&stage, "k").await, device(&stage, "l").await);
    stage
        .publish(Change::Disconnected {
            chan_id: again.channel,
            thing_id: again.thing,
        })
        .await;
    let change = stage.things.disconnect(lost.thing, lost.channel);
    stage.publish(change).await;
    assert_eq!(cut(&lost).await, CutReason::Disconnected);
    assert!(
        !stage
            .adapter
            .cached(lost.thing, lost.channel, Action::Publish)
    );
    assert_eq!(again.session.is_cut(), None);
}

#[tokio::test]
async fn a_removed_channel_is_cut_for_all_who_hold_it() {
    let stage = Stage::new().await;
    let (first, second) = (device(&stage, "k").await, device(&stage, "l").await);
    stage
        .things
        .state
        .lock()
        .connections
        .insert((second.thing, first.channel));
    second.session.join(first.channel).await.unwrap();
    let bystander = device(&stage, "m").await;
    stage
        .things
        .state
        .lock()
        .connections
        .retain(|(_, channel)| *channel != first.channel);
    stage
        .publish(Change::ChannelRemoved { id: first.channel })
        .await;
    assert_eq!(cut(&first).await, CutReason::ChannelRemoved);
    assert_eq!(cut(&second).await, CutReason::ChannelRemoved);
    assert!(
        !stage
            .adapter
            .cached(first.thing, first.channel, Action::Publish)
    );
    assert_eq!(bystander.session.is_cut(), None);
}

#[tokio::test]
async fn what_takes_no_right_away_cuts_nobody() {
    let stage = Stage::new().await;
    let device = device(&stage, "k").await;
    let (id, owner) = (device.thing, UserId::random());
    for change in [
        Change::ThingUpdated {
            id,
            name: "new".to_owned(),
            metadata: None,
        },
        Change::CertificateAdded {
            id,
            sha256: "ab".repeat(32),
        },
        Change::ChannelUpdated {
            id: device.channel,
            name: "new".to_owned(),
            metadata: None,
        },
        Change::Connected {
            chan_id: device.channel,
            thing_id: id,
        },
        Change::ThingCreated {
            id: ThingId::random(),
            owner,
            name: String::new(),
            metadata: None,
        },
    ] {
        stage.publish(change).await;
    }
    // What belongs to another service has numbers of its own.
    let removed = Change::ThingRemoved { id };
    let foreign = Event {
        source: "users".to_owned(),
        number: 6,
        at: Timestamp::now(),
        change: removed,
    };
    stage.buses.events.publish(Arc::new(foreign)).await.unwrap();
    sync(&stage).await;
    assert_eq!(device.session.is_cut(), None);
    assert!(
        stage
            .adapter
            .cached(device.thing, device.channel, Action::Publish)
    );
}

/// Waits until the adapter has heard of everything published so far.
async fn sync(stage: &Stage) {
    let witness = device(stage, "witness").await;
    stage
        .publish(Change::ThingRemoved { id: witness.thing })
        .await;
    cut(&witness).await;
}

#[tokio::test]
async fn an_event_that_is_lost_is_found_by_asking() {
    let stage = Stage::new().await;
    let device = device(&stage, "k").await;
    let change = stage.things.disconnect(device.thing, device.channel);
    stage.things.record(change);
    assert_eq!(cut(&device).await, CutReason::Disconnected);
}

#[tokio::test]
async fn a_gap_is_filled_with_all_that_is_missing() {
    let stage = Stage::new().await;
    let mut devices = Vec::new();
    for number in 0..7 {
        devices.push(device(&stage, &number.to_string()).await);
    }
    let last = devices.pop().unwrap();
    for device in &devices {
        let change = stage.things.disconnect(device.thing, device.channel);
        stage.things.record(change);
    }
    let change = stage.things.disconnect(last.thing, last.channel);
    stage.publish(change).await;
    for device in devices.iter().chain([&last]) {
        assert_eq!(cut(device).await, CutReason::Disconnected);
    }
}

#[tokio::test]
async fn a_repeated_event_changes_nothing() {
    let stage = Stage::new().await;
    let first = device(&stage, "k").await;
    let removed = stage
        .things
        .record(Change::ChannelRemoved { id: first.channel });
    for _ in 0..2 {
        stage
            .buses
            .events
            .publish(Arc::new(removed.clone()))
            .await
            .unwrap();
    }
    assert_eq!(cut(&first).await, CutReason::ChannelRemoved);
    sync(&stage).await;
    let second = stage
        .adapter
        .session(of_key("k", Some(first.channel)))
        .await
        .unwrap();
    stage.buses.events.publish(Arc::new(removed)).await.unwrap();
    sync(&stage).await;
    assert_eq!(second.is_cut(), None);
}

#[tokio::test]
async fn after_a_loss_for_good_every_session_proves_its_right() {
    let stage = Stage::new().await;
    let (lost, kept) = (device(&stage, "k").await, device(&stage, "l").await);
    {
        let mut state = stage.things.state.lock();
        state.keys.remove("k");
        state.latest += 5;
        state.trimmed = state.latest;
    }
    assert_eq!(cut(&lost).await, CutReason::Unverified);
    assert!(
        !stage
            .adapter
            .cached(lost.thing, lost.channel, Action::Publish)
    );
    sync(&stage).await;
    assert_eq!(kept.session.is_cut(), None);
}

#[tokio::test]
async fn a_restored_backup_counts_as_a_loss() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        stage
            .publish(Change::ThingRemoved {
                id: ThingId::random(),
            })
            .await;
    }
    sync(&stage).await;
    let lost = device(&stage, "k").await;
    {
        let mut state = stage.things.state.lock();
        state.keys.remove("k");
        state.events.clear();
        state.latest = 1;
    }
    assert_eq!(cut(&lost).await, CutReason::Unverified);
}

#[tokio::test]
async fn while_the_registry_is_away_events_still_cut() {
    let stage = Stage::new().await;
    let (removed, changed) = (device(&stage, "k").await, device(&stage, "l").await);
    stage.things.away.store(true, Ordering::SeqCst);
    stage
        .publish(Change::ThingRemoved { id: removed.thing })
        .await;
    stage
        .publish(Change::ThingKeyChanged { id: changed.thing })
        .await;
    assert_eq!(cut(&removed).await, CutReason::ThingRemoved);
    assert_eq!(
        cut(&changed).await,
        CutReason::Unverified,
        "nobody can say that its key is still good"
    );
}

#[tokio::test]
async fn what_was_missed_while_the_registry_was_away_is_made_up_for() {
    let stage = Stage::new().await;
    let device = device(&stage, "k").await;
    stage.things.away.store(true, Ordering::SeqCst);
    let change = stage.things.disconnect(device.thing, device.channel);
    stage.things.record(change);
    stage.things.away.store(false, Ordering::SeqCst);
    assert_eq!(cut(&device).await, CutReason::Disconnected);
}

#[tokio::test]
async fn it_is_not_ready_before_the_registry_has_answered() {
    let mut stage = Stage::idle(adapter::Settings::default()).await;
    assert_eq!(
        stage.adapter.ready().await.unwrap_err().code,
        "registry_unreachable"
    );
    stage.follow().await;
    eventually("it is ready", async || stage.adapter.ready().await.is_ok()).await;
}
