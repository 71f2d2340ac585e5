//! What is cached, for how long, and what is not.

use std::sync::atomic::Ordering;

use adapter::{Presented, Settings};
use config::Period;
use futures_util::future::join_all;
use model::{Action, ChannelId, Credentials, ErrorKind, Result, Secret, ThingId};
use proto::Change;

use crate::stage::{Stage, eventually};
use crate::{begin, key};

fn questions(stage: &Stage) -> usize {
    stage.things.questions.load(Ordering::SeqCst)
}

#[tokio::test]
async fn the_registry_is_asked_once() {
    let stage = Stage::new().await;
    let (thing, channel) = stage.things.connected("k");
    assert!(!stage.adapter.cached(thing, channel, Action::Publish));
    for _ in 0..3 {
        assert_eq!(stage.adapter.authenticate(&key("k")).await, Ok(thing));
        assert_eq!(
            stage
                .adapter
                .authorize(thing, channel, Action::Publish)
                .await,
            Ok(())
        );
    }
    assert_eq!(questions(&stage), 2);
    assert!(stage.adapter.cached(thing, channel, Action::Publish));
    assert!(!stage.adapter.cached(thing, channel, Action::Subscribe));
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let stage = Stage::new().await;
    let (thing, channel) = (ThingId::random(), ChannelId::random());
    let refused = stage.adapter.authenticate(&key("k")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthenticated);
    let refused = stage
        .adapter
        .authorize(thing, channel, Action::Publish)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Forbidden);
    stage.things.state.lock().keys.insert("k".to_owned(), thing);
    stage
        .things
        .state
        .lock()
        .connections
        .insert((thing, channel));
    assert_eq!(stage.adapter.authenticate(&key("k")).await, Ok(thing));
    assert_eq!(
        stage
            .adapter
            .authorize(thing, channel, Action::Publish)
            .await,
        Ok(())
    );
}

#[tokio::test]
async fn an_empty_key_is_nobodys() {
    let stage = Stage::new().await;
    let refused = stage.adapter.authenticate(&key("")).await.unwrap_err();
    assert_eq!(
        (refused.kind, questions(&stage)),
        (ErrorKind::Unauthenticated, 0)
    );
}

#[tokio::test]
async fn a_pair_must_be_of_one_thing() {
    let stage = Stage::new().await;
    let (thing, _) = stage.things.connected("k");
    let (other, _) = stage.things.connected("l");
    let pair = |thing| Presented::key(Credentials::Pair(thing, Secret::from("k")));
    for _ in 0..2 {
        assert_eq!(stage.adapter.authenticate(&pair(thing)).await, Ok(thing));
        let refused = stage.adapter.authenticate(&pair(other)).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unauthenticated);
        assert_eq!(stage.adapter.authenticate(&key("k")).await, Ok(thing));
    }
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_question() {
    let stage = Stage::new().await;
    let (thing, channel) = stage.things.connected("k");
    stage.things.gated.store(true, Ordering::SeqCst);
    stage.things.gate.add_permits(3);
    let credentials = key("k");
    let asked = join_all((0..100).map(|_| stage.adapter.authenticate(&credentials))).await;
    assert!(asked.into_iter().all(|answer| answer == Ok(thing)));
    let asked =
        join_all((0..100).map(|_| stage.adapter.authorize(thing, channel, Action::Subscribe)))
            .await;
    assert!(asked.into_iter().all(|answer| answer == Ok(())));
    let asked = join_all((0..100).map(|_| stage.adapter.default_channel(thing))).await;
    assert!(asked.into_iter().all(|answer| answer == Ok(None)));
    assert_eq!(questions(&stage), 3);
}

#[tokio::test]
async fn a_question_outlives_the_one_who_asked_first() {
    let stage = Stage::new().await;
    let (thing, _) = stage.things.connected("k");
    stage.things.gated.store(true, Ordering::SeqCst);
    let credentials = key("k");
    let mut first = Box::pin(stage.adapter.authenticate(&credentials));
    assert!(begin(&mut first).await);
    let mut second = Box::pin(stage.adapter.authenticate(&credentials));
    assert!(begin(&mut second).await);
    drop(first);
    stage.things.gate.add_permits(1);
    assert_eq!(second.await, Ok(thing));
    assert_eq!(questions(&stage), 1);
}

#[tokio::test]
async fn a_question_nobody_waits_for_is_asked_anew() {
    let stage = Stage::new().await;
    let (thing, _) = stage.things.connected("k");
    stage.things.gated.store(true, Ordering::SeqCst);
    let credentials = key("k");
    let mut first = Box::pin(stage.adapter.authenticate(&credentials));
    assert!(begin(&mut first).await);
    drop(first);
    stage.things.gate.add_permits(1);
    assert_eq!(stage.adapter.authenticate(&credentials).await, Ok(thing));
    assert_eq!(questions(&stage), 2);
}

#[tokio::test]
async fn without_the_registry_answers_live_until_their_time_is_up() {
    let settings = Settings {
        cache_ttl: Period::millis(200),
        ..Settings::default()
    };
    let stage = Stage::idle(settings).await;
    let (thing, channel) = stage.things.connected("k");
    stage.adapter.authenticate(&key("k")).await.unwrap();
    stage
        .adapter
        .authorize(thing, channel, Action::Publish)
        .await
        .unwrap();
    stage.things.away.store(true, Ordering::SeqCst);
    assert!(stage.adapter.cached(thing, channel, Action::Publish));
    eventually("the answers are too old", async || {
        let key = stage.adapter.authenticate(&key("k")).await;
        let right = stage
            .adapter
            .authorize(thing, channel, Action::Publish)
            .await;
        let kinds = [key.err(), right.err()].map(|error| error.map(|error| error.kind));
        kinds == [Some(ErrorKind::Unavailable); 2]
    })
    .await;
    assert!(!stage.adapter.cached(thing, channel, Action::Publish));
}

#[tokio::test]
async fn an_answer_overtaken_by_a_change_is_neither_given_nor_kept() {
    let mut stage = Stage::idle(Settings::default()).await;
    let (thing, channel) = stage.things.connected("k");
    stage.follow().await;
    stage.things.gated.store(true, Ordering::SeqCst);
    let adapter = stage.adapter.clone();
    let mut asking = Box::pin(adapter.authorize(thing, channel, Action::Publish));
    assert!(begin(&mut asking).await, "the answer 'yes' is on its way");
    let change = stage.things.disconnect(thing, channel);
    stage.publish(change).await;
    // A session notices the change, which tells that the adapter has heard of it.
    heard(&stage).await;
    stage.things.gate.add_permits(10);
    assert_eq!(asking.await.unwrap_err().kind, ErrorKind::Forbidden);
    assert!(!stage.adapter.cached(thing, channel, Action::Publish));
}

#[tokio::test]
async fn one_who_joins_an_overtaken_question_is_not_told_the_old_answer() {
    let stage = Stage::new().await;
    let (thing, _) = stage.things.connected("k");
    stage.things.gated.store(true, Ordering::SeqCst);
    let credentials = key("k");
    let mut first = Box::pin(stage.adapter.authenticate(&credentials));
    assert!(begin(&mut first).await);
    stage.things.state.lock().keys.clear();
    stage.publish(Change::ThingKeyChanged { id: thing }).await;
    heard(&stage).await;
    let mut second = Box::pin(stage.adapter.authenticate(&credentials));
    assert!(begin(&mut second).await);
    stage.things.gate.add_permits(10);
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap_err().kind, ErrorKind::Unauthenticated);
    assert_eq!(second.unwrap_err().kind, ErrorKind::Unauthenticated);
}

/// Waits until the adapter has heard of everything published so far: a right it cached just before is void.
async fn heard(stage: &Stage) {
    stage.things.gated.store(false, Ordering::SeqCst);
    let (thing, channel) = stage.things.connected("witness");
    stage
        .adapter
        .authorize(thing, channel, Action::Publish)
        .await
        .unwrap();
    stage
        .publish(Change::Disconnected {
            chan_id: channel,
            thing_id: thing,
        })
        .await;
    eventually("the event is heard", async || {
        !stage.adapter.cached(thing, channel, Action::Publish)
    })
    .await;
    stage.things.gated.store(true, Ordering::SeqCst);
}

#[tokio::test]
async fn a_default_channel_is_remembered_until_it_changes() {
    let stage = Stage::new().await;
    let (thing, channel) = stage.things.connected("k");
    for _ in 0..2 {
        assert_eq!(stage.adapter.default_channel(thing).await, Ok(None));
    }
    assert_eq!(questions(&stage), 1, "that there is none is remembered too");
    {
        let mut state = stage.things.state.lock();
        state.default_channels.insert(thing, channel);
    }
    stage
        .publish(Change::DefaultChannelChanged {
            id: thing,
            channel: Some(channel),
        })
        .await;
    eventually("the new default counts", async || {
        stage.adapter.default_channel(thing).await == Ok(Some(channel))
    })
    .await;
}

/// Begins to ask for many keys at once, which wait at the gate of the registry.
async fn storm(stage: &Stage) -> impl Future<Output = Vec<Result<ThingId>>> + Unpin {
    stage.things.gated.store(true, Ordering::SeqCst);
    let keys: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    for key in &keys {
        stage.things.connected(key);
    }
    let adapter = stage.adapter.clone();
    let ask = move |key: String| {
        let adapter = adapter.clone();
        async move { adapter.authenticate(&self::key(&key)).await }
    };
    let mut storm = Box::pin(join_all(keys.into_iter().map(ask)));
    assert!(begin(&mut storm).await);
    storm
}

#[tokio::test]
async fn a_storm_of_questions_waits_here_and_not_at_the_registry() {
    let stage = Stage::new().await;
    let storm = storm(&stage).await;
    let asked = questions(&stage);
    assert!((1..100).contains(&asked), "{asked} at once");
    stage.things.gate.add_permits(300);
    assert!(storm.await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn nobody_waits_for_a_registry_that_is_silent() {
    let stage = Stage::new().await;
    let storm = storm(&stage).await;
    let asked = questions(&stage);
    stage.things.away.store(true, Ordering::SeqCst);
    stage.things.gate.add_permits(300);
    for answer in storm.await {
        assert_eq!(answer.unwrap_err().kind, ErrorKind::Unavailable);
    }
    assert_eq!(questions(&stage), asked, "those who waited did not ask");
}

#[tokio::test]
async fn a_question_without_an_answer_is_asked_again_while_others_have_one() {
    let stage = Stage::new().await;
    let mut storm = storm(&stage).await;
    stage.things.gate.add_permits(1);
    assert!(begin(&mut storm).await);
    stage.things.lost.store(1, Ordering::SeqCst);
    stage.things.gate.add_permits(300);
    assert!(storm.await.iter().all(Result::is_ok));
    assert_eq!(questions(&stage), 301);
}
