use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use model::{ChannelId, Subtopic, ThingId};

use super::*;
use crate::{Filter, Message, Protocol};

mod damage;
mod random;
mod restart;
mod space;

/// A directory that logs are opened in, one after the other.
struct Place {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        Self::with_max_bytes(1 << 30)
    }

    fn with_max_bytes(max_bytes: u64) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            settings: Settings {
                power: false,
                max_bytes,
            },
        }
    }

    fn open(&self) -> Log<Message> {
        let lock = Arc::new(Lock::take(self.dir.path()).unwrap());
        Log::open(&self.dir.path().join("messages"), lock, self.settings).unwrap()
    }

    /// Copies what is on disk now, as a process that is killed leaves it behind.
    fn killed(&self) -> Self {
        let copy = Self {
            dir: tempfile::tempdir().unwrap(),
            settings: self.settings,
        };
        fs::create_dir(copy.dir.path().join("messages")).unwrap();
        for path in self.files("") {
            let name = path.file_name().unwrap();
            match fs::copy(&path, copy.dir.path().join("messages").join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => assert!(copied.is_ok(), "{copied:?}"),
            }
        }
        copy
    }

    /// Returns the files with this ending, in order.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path().join("messages")).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_str().unwrap().ends_with(ending));
        files.sort();
        files
    }
}

fn numbered(channel: ChannelId, number: usize) -> Arc<Message> {
    Arc::new(Message::new(
        channel,
        Subtopic::default(),
        ThingId::random(),
        Protocol::Http,
        Bytes::from(format!("{number:08}")),
    ))
}

fn number(message: &Message) -> usize {
    std::str::from_utf8(&message.payload)
        .unwrap()
        .parse()
        .unwrap()
}

async fn publish(log: &Log<Message>, numbers: std::ops::Range<usize>) {
    let channel = ChannelId::random();
    for each in numbers {
        log.publish(numbered(channel, each)).await.unwrap();
    }
}

async fn consumer(log: &Log<Message>, name: &str) -> Box<dyn Consumer<Message>> {
    log.consumer(name, Filter::All).await.unwrap()
}

async fn next(consumer: &mut Box<dyn Consumer<Message>>) -> crate::Delivery<Message> {
    tokio::time::timeout(Duration::from_secs(10), consumer.next())
        .await
        .expect("in time")
        .unwrap()
}

/// Takes the next records, acknowledges them if asked to, and returns their numbers.
async fn take(consumer: &mut Box<dyn Consumer<Message>>, count: usize, ack: bool) -> Vec<usize> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let delivery = next(consumer).await;
        numbers.push(number(&delivery.record));
        if ack {
            consumer.ack(delivery.seq);
        }
    }
    numbers
}

async fn is_empty(consumer: &mut Box<dyn Consumer<Message>>) -> bool {
    let wait = Duration::from_millis(50);
    tokio::time::timeout(wait, consumer.next()).await.is_err()
}

/// Waits until something holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited)
        .await
        .expect("in time");
}

fn numbers(range: std::ops::Range<usize>) -> Vec<usize> {
    range.collect()
}
