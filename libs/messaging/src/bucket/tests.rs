use std::fs;
use std::time::Duration;

use super::*;

struct Place {
    dir: tempfile::TempDir,
    power: bool,
    max_bytes: u64,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            power: false,
            max_bytes: MAX_BYTES,
        }
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("b.bucket")
    }

    fn open(&self) -> FileBucket {
        let lock = Arc::new(Lock::take(self.dir.path()).unwrap());
        FileBucket::open(&self.file(), lock, self.power, self.max_bytes).unwrap()
    }
}

async fn next(entries: &mut mpsc::Receiver<Entry>) -> Option<Entry> {
    tokio::time::timeout(Duration::from_secs(5), entries.recv())
        .await
        .expect("in time")
}

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[tokio::test]
async fn what_was_put_is_there_after_a_restart() {
    for power in [false, true] {
        let place = Place {
            power,
            ..Place::new()
        };
        let bucket = place.open();
        bucket.put("a", value("1")).await.unwrap();
        bucket.put("b", value("2")).await.unwrap();
        bucket.put("a", value("3")).await.unwrap();
        bucket.delete("b").await.unwrap();
        bucket.delete("never").await.unwrap();
        drop(bucket);
        let bucket = place.open();
        assert_eq!(bucket.get("a").await.unwrap(), Some(value("3")));
        assert_eq!(bucket.get("b").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_watcher_gets_all_there_is_and_then_what_changes() {
    let bucket = Place::new().open();
    bucket.put("a", value("1")).await.unwrap();
    let mut entries = bucket.watch().await.unwrap();
    bucket.put("b", value("2")).await.unwrap();
    bucket.delete("a").await.unwrap();
    let expected = [
        Entry::Put("a".to_owned(), value("1")),
        Entry::Current,
        Entry::Put("b".to_owned(), value("2")),
        Entry::Deleted("a".to_owned()),
    ];
    for entry in expected {
        assert_eq!(next(&mut entries).await, Some(entry));
    }
}

#[tokio::test]
async fn the_stream_of_a_watcher_that_is_too_slow_ends() {
    let bucket = Place::new().open();
    let mut entries = bucket.watch().await.unwrap();
    for _ in 0..WATCH_BACKLOG + 2 {
        bucket.put("a", value("1")).await.unwrap();
    }
    let mut count = 0;
    while next(&mut entries).await.is_some() {
        count += 1;
    }
    assert_eq!(count, WATCH_BACKLOG + 1);
}

#[tokio::test]
async fn many_at_once_are_all_kept() {
    let place = Place::new();
    let bucket = Arc::new(place.open());
    let puts = (0..200).map(|number| {
        let bucket = bucket.clone();
        async move { bucket.put(&format!("k{number}"), value("v")).await }
    });
    for result in futures_util::future::join_all(puts).await {
        result.unwrap();
    }
    drop(bucket);
    let bucket = place.open();
    for number in 0..200 {
        assert!(bucket.get(&format!("k{number}")).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn the_file_does_not_grow_with_every_change() {
    let place = Place::new();
    let bucket = place.open();
    let long = Bytes::from(vec![7; 100_000]);
    for _ in 0..50 {
        bucket.put("a", long.clone()).await.unwrap();
    }
    assert!(fs::metadata(place.file()).unwrap().len() < 2_000_000);
    bucket.put("b", value("2")).await.unwrap();
    drop(bucket);
    let bucket = place.open();
    assert_eq!(bucket.get("a").await.unwrap(), Some(long));
    assert_eq!(bucket.get("b").await.unwrap(), Some(value("2")));
}

#[tokio::test]
async fn a_full_bucket_refuses_and_keeps_what_it_has() {
    let place = Place {
        max_bytes: 100,
        ..Place::new()
    };
    let bucket = place.open();
    bucket.put("a", value("1")).await.unwrap();
    let long = Bytes::from(vec![0; 100]);
    let error = bucket.put("b", long.clone()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_ref()),
        (ErrorKind::Exhausted, "bucket_full")
    );
    assert_eq!(bucket.get("b").await.unwrap(), None);
    bucket.delete("a").await.unwrap();
    bucket.put("b", value("2")).await.unwrap();
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_one_damaged_change_costs_no_other() {
    let place = Place::new();
    let bucket = place.open();
    for (key, text) in [("a", "first"), ("b", "second"), ("c", "third")] {
        bucket.put(key, value(text)).await.unwrap();
    }
    drop(bucket);
    let mut bytes = fs::read(place.file()).unwrap();
    let second = bytes
        .windows(6)
        .position(|window| window == b"second")
        .unwrap();
    bytes[second] ^= 1;
    bytes.extend_from_slice(&[1, 2, 3]);
    fs::write(place.file(), &bytes).unwrap();
    for _ in 0..2 {
        let bucket = place.open();
        assert_eq!(bucket.get("a").await.unwrap(), Some(value("first")));
        assert_eq!(bucket.get("b").await.unwrap(), None);
        assert_eq!(bucket.get("c").await.unwrap(), Some(value("third")));
        bucket.put("d", value("fourth")).await.unwrap();
    }
}
