//! Everything at once: sessions open while keys, connections and channels come and go, and some events are lost.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adapter::Session;
use model::{Action, ChannelId, Result, ThingId};
use proto::Change;
use tokio::task::JoinSet;

use crate::of_key;
use crate::stage::{Stage, eventually};

/// How many things there are, each with a channel.
const THINGS: u64 = 8;
/// How many tasks open sessions.
const OPENERS: u64 = 16;
/// How many sessions each of them keeps.
const KEPT: usize = 20;
/// How often each of them tries.
const ROUNDS: usize = 200;

/// A session and what it was opened with.
struct Opened {
    session: Session,
    key: String,
    channel: ChannelId,
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn key(number: u64, version: u64) -> String {
    format!("{number}-{version}")
}

fn id(number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(number) + 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_outlives_its_right() {
    let stage = Arc::new(Stage::new().await);
    for number in 0..THINGS {
        let mut state = stage.things.state.lock();
        state.keys.insert(key(number, 0), ThingId::from(id(number)));
        state
            .connections
            .insert((ThingId::from(id(number)), ChannelId::from(id(number))));
    }
    stage.things.slow.store(true, Ordering::SeqCst);
    let mut openers = JoinSet::new();
    for seed in 0..OPENERS {
        openers.spawn(open(Arc::clone(&stage), Dice(seed)));
    }
    let opened = tokio::select! {
        opened = openers.join_all() => opened,
        never = change(&stage, Dice(99)) => match never {},
    };
    stage.things.slow.store(false, Ordering::SeqCst);
    let opened: Vec<Opened> = opened.into_iter().flatten().collect();
    assert!(
        opened
            .iter()
            .any(|opened| opened.session.is_cut().is_some()),
        "the storm cut somebody"
    );
    eventually("only those are left who may", async || {
        opened.iter().all(|opened| is_right(&stage, opened))
    })
    .await;
    for number in 0..THINGS {
        let (thing, channel) = (ThingId::from(id(number)), ChannelId::from(id(number)));
        let connected = stage
            .things
            .state
            .lock()
            .connections
            .contains(&(thing, channel));
        assert!(connected || !stage.adapter.cached(thing, channel, Action::Subscribe));
    }
}

/// A session is right when it is cut, or may be what it is.
fn is_right(stage: &Stage, opened: &Opened) -> bool {
    let state = stage.things.state.lock();
    let thing = opened.session.thing();
    let allowed = state.keys.get(&opened.key) == Some(&thing)
        && state.connections.contains(&(thing, opened.channel));
    allowed || opened.session.is_cut().is_some()
}

async fn open(stage: Arc<Stage>, mut dice: Dice) -> Vec<Opened> {
    let mut opened = Vec::new();
    for _ in 0..ROUNDS {
        if opened.len() > KEPT {
            opened.remove(0);
        }
        let number = dice.roll(THINGS);
        let (key, channel) = (key(number, dice.roll(3)), ChannelId::from(id(number)));
        let admitted = if dice.roll(2) == 0 {
            stage.adapter.session(of_key(&key, Some(channel))).await
        } else {
            open_and_join(&stage, &key, channel).await
        };
        opened.extend(admitted.ok().map(|session| Opened {
            session,
            key,
            channel,
        }));
    }
    opened
}

async fn open_and_join(stage: &Stage, key: &str, channel: ChannelId) -> Result<Session> {
    let session = stage.adapter.session(of_key(key, None)).await?;
    session.join(channel).await?;
    Ok(session)
}

/// Changes the registry again and again, and tells of most of it.
async fn change(stage: &Stage, mut dice: Dice) -> Infallible {
    loop {
        let number = dice.roll(THINGS);
        let (thing, channel) = (ThingId::from(id(number)), ChannelId::from(id(number)));
        let change = match dice.roll(4) {
            0 => {
                let mut state = stage.things.state.lock();
                state.keys.retain(|_, owner| *owner != thing);
                state.keys.insert(key(number, dice.roll(3)), thing);
                Change::ThingKeyChanged { id: thing }
            }
            1 => {
                stage
                    .things
                    .state
                    .lock()
                    .connections
                    .insert((thing, channel));
                Change::Connected {
                    chan_id: channel,
                    thing_id: thing,
                }
            }
            2 => {
                stage.things.disconnect(thing, channel);
                Change::ChannelRemoved { id: channel }
            }
            _ => stage.things.disconnect(thing, channel),
        };
        if dice.roll(5) == 0 {
            stage.things.record(change);
        } else {
            stage.publish(change).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
