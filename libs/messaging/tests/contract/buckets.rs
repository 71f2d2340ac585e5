//! What a bucket holds and says.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use messaging::{Bucket, Entry};
use model::ErrorKind;
use tokio::sync::mpsc::Receiver;

use crate::on_both;
use crate::world::{World, within};

on_both!(
    what_is_put_is_there_until_it_is_deleted,
    what_is_put_survives_the_process,
    a_watch_streams_what_is_there_then_what_changes,
    an_empty_bucket_is_current_at_once,
    keys_and_values_have_limits,
);

async fn put(bucket: &Arc<dyn Bucket>, key: &str, value: &'static str) {
    within(bucket.put(key, Bytes::from_static(value.as_bytes())))
        .await
        .unwrap();
}

async fn get(bucket: &Arc<dyn Bucket>, key: &str) -> Option<Bytes> {
    within(bucket.get(key)).await.unwrap()
}

fn present(key: &str, value: &'static str) -> Entry {
    Entry::Put(key.to_owned(), Bytes::from_static(value.as_bytes()))
}

async fn entry(watch: &mut Receiver<Entry>) -> Entry {
    within(watch.recv()).await.unwrap()
}

/// Reads up to [`Entry::Current`] and returns what is there then.
async fn snapshot(watch: &mut Receiver<Entry>) -> BTreeMap<String, Bytes> {
    let mut all = BTreeMap::new();
    loop {
        match entry(watch).await {
            Entry::Put(key, value) => drop(all.insert(key, value)),
            Entry::Deleted(key) => drop(all.remove(&key)),
            Entry::Current => return all,
        }
    }
}

async fn what_is_put_is_there_until_it_is_deleted(world: &World) {
    let process = world.open().await;
    let bucket = process.buses.sessions.clone();
    assert_eq!(get(&bucket, "a").await, None);
    put(&bucket, "a", "1").await;
    put(&bucket, "a.b/c=_-", "").await;
    put(&bucket, "a", "2").await;
    assert_eq!(get(&bucket, "a").await.as_deref(), Some(&b"2"[..]));
    assert_eq!(get(&bucket, "a.b/c=_-").await.as_deref(), Some(&b""[..]));
    bucket.delete("a").await.unwrap();
    bucket.delete("a").await.unwrap();
    bucket.delete("never.put").await.unwrap();
    assert_eq!(get(&bucket, "a").await, None);
    put(&bucket, "a", "3").await;
    assert_eq!(get(&bucket, "a").await.as_deref(), Some(&b"3"[..]));
    assert_eq!(get(&process.buses.retained, "a").await, None);
    process.stop().await;
}

async fn what_is_put_survives_the_process(world: &World) {
    let process = world.open().await;
    put(&process.buses.retained, "a", "1").await;
    put(&process.buses.retained, "b", "1").await;
    process.buses.retained.delete("b").await.unwrap();
    process.stop().await;
    let process = world.open().await;
    assert_eq!(
        get(&process.buses.retained, "a").await.as_deref(),
        Some(&b"1"[..])
    );
    assert_eq!(get(&process.buses.retained, "b").await, None);
    process.stop().await;
}

async fn a_watch_streams_what_is_there_then_what_changes(world: &World) {
    let process = world.open().await;
    let bucket = process.buses.retained.clone();
    for number in 0..300 {
        put(&bucket, &format!("k{number}"), "old").await;
        put(&bucket, &format!("k{number}"), "new").await;
    }
    bucket.delete("k7").await.unwrap();
    let mut watch = bucket.watch().await.unwrap();
    let all = snapshot(&mut watch).await;
    assert_eq!(all.len(), 299);
    assert!(all.values().all(|value| value == "new") && !all.contains_key("k7"));
    put(&bucket, "k1", "newer").await;
    bucket.delete("k2").await.unwrap();
    put(&bucket, "other", "1").await;
    assert_eq!(entry(&mut watch).await, present("k1", "newer"));
    assert_eq!(entry(&mut watch).await, Entry::Deleted("k2".to_owned()));
    assert_eq!(entry(&mut watch).await, present("other", "1"));
    process.stop().await;
}

async fn an_empty_bucket_is_current_at_once(world: &World) {
    let process = world.open().await;
    let bucket = process.buses.sessions.clone();
    let mut watch = bucket.watch().await.unwrap();
    assert_eq!(entry(&mut watch).await, Entry::Current);
    put(&bucket, "a", "1").await;
    assert_eq!(entry(&mut watch).await, present("a", "1"));
    process.stop().await;
}

async fn keys_and_values_have_limits(world: &World) {
    let process = world.open().await;
    let bucket = process.buses.sessions.clone();
    for key in ["", ".a", "a.", "a..b", "a b", "a*", "ä", &"k".repeat(257)] {
        let error = bucket.put(key, Bytes::new()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{key}");
        assert_eq!(
            bucket.get(key).await.unwrap_err().kind,
            ErrorKind::Invalid,
            "{key}"
        );
        assert_eq!(
            bucket.delete(key).await.unwrap_err().kind,
            ErrorKind::Invalid,
            "{key}"
        );
    }
    put(&bucket, &"k".repeat(256), "1").await;
    let enormous = Bytes::from(vec![0; (8 << 20) + 1]);
    let error = within(bucket.put("a", enormous)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    process.stop().await;
}
