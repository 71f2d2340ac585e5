//! How connections end that did nothing wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter::{Adapter, Settings};
use config::Period;
use model::Action;
use proto::Change;
use proto::things::Things;
use uuid::Uuid;
use ws_adapter::Config;

use crate::client::End;
use crate::full::full;
use crate::stage::{Stage, eventually};
use crate::{KEY, Ws, serve};

#[tokio::test]
async fn a_device_that_lost_its_right_is_cut_within_a_second() {
    let ws = Ws::new().await;
    let (mut reading, mut narrow) = (ws.open("").await, ws.open("/%3E").await);
    let start = Instant::now();
    let change = ws.stage.things.disconnect(ws.thing, ws.channel);
    ws.stage.publish(change).await;
    for client in [&mut reading, &mut narrow] {
        let end = client.end().await;
        assert_eq!(
            end,
            End::Closed(
                3003,
                "the thing was disconnected from the channel".to_owned()
            )
        );
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    eventually("no session is left", async || {
        ws.stage.adapter.sessions() == 0
    })
    .await;
    assert_eq!(
        ws.refusal(&ws.path(""), &[("authorization", KEY)]).await.0,
        403
    );
}

#[tokio::test]
async fn a_removed_thing_is_cut() {
    let ws = Ws::new().await;
    let mut client = ws.open("").await;
    ws.stage
        .publish(Change::ThingRemoved { id: ws.thing })
        .await;
    assert_eq!(
        client.end().await,
        End::Closed(3003, "the thing was removed".to_owned())
    );
}

/// The right is checked again for each frame: what holds without events as long as an answer is cached.
#[tokio::test]
async fn publishing_needs_the_right_at_that_moment() {
    let stage = Stage::idle(Settings {
        cache_ttl: Period::millis(1),
        ..Default::default()
    })
    .await;
    let (thing, channel) = stage.things.connected(KEY);
    let (runtime, addr) = serve(stage.adapter.clone(), &Config::default()).await;
    let ws = Ws {
        stage,
        runtime,
        addr,
        thing,
        channel,
    };
    let mut client = ws.open("").await;
    client.send("before").await;
    client.receive().await;
    ws.stage.things.disconnect(thing, channel);
    eventually("the right is forgotten", async || {
        !ws.stage.adapter.cached(thing, channel, Action::Publish)
    })
    .await;
    client.send("after").await;
    let End::Closed(3003, reason) = client.end().await else {
        panic!("closed with another code")
    };
    assert!(reason.starts_with("not_connected: "), "{reason}");
}

#[tokio::test]
async fn a_message_that_cannot_be_kept_closes() {
    let stage = Stage::new().await;
    let (thing, channel) = stage.things.connected(KEY);
    let things = Arc::clone(&stage.things) as Arc<dyn Things>;
    let buses = full(stage.buses.clone());
    let adapter = Adapter::new(&Settings::default(), things, &buses, Uuid::new_v4());
    let (runtime, addr) = serve(adapter, &Config::default()).await;
    let ws = Ws {
        stage,
        runtime,
        addr,
        thing,
        channel,
    };
    let mut client = ws.open("").await;
    client.send("on").await;
    let end = client.end().await;
    assert_eq!(
        end,
        End::Closed(1013, "bus_full: the bus is full".to_owned())
    );
}

#[tokio::test]
async fn a_stop_tells_everybody_and_waits_for_them() {
    let ws = Ws::new().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(ws.open("").await);
    }
    ws.runtime.stop().cancel();
    let stopping = ws.runtime.clone().wait();
    let reading = async {
        for client in &mut clients {
            let End::Closed(code, _) = client.end().await else {
                panic!("dropped")
            };
            assert_eq!(code, 1001);
        }
    };
    let (stopped, ()) = tokio::join!(stopping, reading);
    stopped.unwrap();
    eventually("no session is left", async || {
        ws.stage.adapter.sessions() == 0
    })
    .await;
}
