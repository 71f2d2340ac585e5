//! Opening, joining and closing sessions.

use std::sync::atomic::Ordering;

use adapter::{CutReason, DeviceAuth, NewSession, Presented, Settings};
use model::{ChannelId, ErrorKind};
use proto::Change;

use crate::stage::{Stage, eventually};
use crate::{begin, key, of_key};

#[tokio::test]
async fn a_session_is_of_the_thing_and_counts_while_it_is_kept() {
    let stage = Stage::new().await;
    let (thing, channel) = stage.things.connected("k");
    let session = stage
        .adapter
        .session(of_key("k", Some(channel)))
        .await
        .unwrap();
    assert_eq!(
        (session.thing(), session.is_cut(), stage.adapter.sessions()),
        (thing, None, 1)
    );
    drop(session);
    assert_eq!(stage.adapter.sessions(), 0);
}

#[tokio::test]
async fn without_a_right_there_is_no_session() {
    let stage = Stage::new().await;
    let (_, channel) = stage.things.connected("k");
    let nobody = NewSession {
        presented: Presented::new(DeviceAuth::Key, None, None),
        ..of_key("", None)
    };
    for (new, kind) in [
        (nobody, ErrorKind::Unauthenticated),
        (of_key("wrong", Some(channel)), ErrorKind::Unauthenticated),
        (of_key("k", Some(ChannelId::random())), ErrorKind::Forbidden),
    ] {
        assert_eq!(stage.adapter.session(new).await.unwrap_err().kind, kind);
    }
    assert_eq!(stage.adapter.sessions(), 0);
}

#[tokio::test]
async fn a_thing_has_so_many_sessions_and_no_more() {
    let stage = Stage::idle(Settings {
        sessions_per_thing: 2,
        ..Settings::default()
    })
    .await;
    stage.things.connected("k");
    stage.things.connected("other");
    let session = || stage.adapter.session(of_key("k", None));
    let (first, _second) = (session().await.unwrap(), session().await.unwrap());
    assert_eq!(session().await.unwrap_err().code, "too_many_sessions");
    assert!(stage.adapter.session(of_key("other", None)).await.is_ok());
    drop(first);
    assert!(session().await.is_ok());
}

#[tokio::test]
async fn a_session_joins_what_it_may_and_is_cut_only_for_what_it_holds() {
    let stage = Stage::new().await;
    let (thing, channel) = stage.things.connected("k");
    let other = ChannelId::random();
    stage.things.state.lock().connections.insert((thing, other));
    let session = stage.adapter.session(of_key("k", None)).await.unwrap();
    assert_eq!(
        session.join(ChannelId::random()).await.unwrap_err().kind,
        ErrorKind::Forbidden
    );
    for _ in 0..2 {
        session.join(channel).await.unwrap();
    }
    session.join(other).await.unwrap();
    session.leave(channel);
    session.leave(other);
    let left = stage.things.disconnect(thing, other);
    stage.publish(left).await;
    let held = stage.things.disconnect(thing, channel);
    stage.publish(held).await;
    assert_eq!(
        session.cut().await,
        CutReason::Disconnected,
        "one of two subscriptions is left"
    );
}

/// The order that a lock alone would not survive: authorized, then revoked, then registered.
#[tokio::test]
async fn a_session_authorized_before_a_change_and_opened_after_it_does_not_slip_through() {
    let stage = Stage::new().await;
    let (thing, channel) = stage.things.connected("k");
    stage.adapter.authenticate(&key("k")).await.unwrap();
    stage.things.gated.store(true, Ordering::SeqCst);
    let mut opening = Box::pin(stage.adapter.session(of_key("k", Some(channel))));
    assert!(
        begin(&mut opening).await,
        "the key is known, the right on its way"
    );
    stage.things.state.lock().keys.clear();
    stage.publish(Change::ThingRemoved { id: thing }).await;
    stage.things.gated.store(false, Ordering::SeqCst);
    eventually("the event is heard", async || {
        stage.adapter.authenticate(&key("k")).await.is_err()
    })
    .await;
    stage.things.gate.add_permits(10);
    assert_eq!(opening.await.unwrap_err().kind, ErrorKind::Unauthenticated);
    assert_eq!(stage.adapter.sessions(), 0);
}
