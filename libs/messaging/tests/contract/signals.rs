//! What nodes tell each other at the moment.

use bytes::Bytes;

use crate::on_both;
use crate::world::{World, within};

on_both!(every_listener_hears_what_is_sent_while_it_listens);

async fn every_listener_hears_what_is_sent_while_it_listens(world: &World) {
    let process = world.open().await;
    let signals = process.buses.takeovers.clone();
    signals.send(Bytes::from_static(b"nobody hears it"));
    let mut one = signals.listen().await.unwrap();
    let mut other = signals.listen().await.unwrap();
    signals.send(Bytes::from_static(b"1"));
    assert_eq!(within(one.recv()).await.as_deref(), Some(&b"1"[..]));
    assert_eq!(within(other.recv()).await.as_deref(), Some(&b"1"[..]));
    drop(one);
    signals.send(Bytes::from_static(b"2"));
    assert_eq!(within(other.recv()).await.as_deref(), Some(&b"2"[..]));
    process.stop().await;
}
