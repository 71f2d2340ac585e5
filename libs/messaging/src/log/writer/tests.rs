use std::fs::{File, OpenOptions};

use model::{ErrorKind, Result};
use tokio::sync::oneshot;

use super::*;
use crate::Consumer;
use crate::Message;
use crate::disk::directory::Lock;
use crate::filter::Filter;
use crate::log::claim::Claim;
use crate::log::consumer::LogConsumer;
use crate::log::core::Settings;
use crate::message::testing::message;

/// A writer without a thread, and what it writes for.
struct Bench {
    _dir: tempfile::TempDir,
    core: Arc<Core<Message>>,
    writer: Writer<Message>,
    claim: Arc<Claim<Message>>,
}

impl Bench {
    async fn new(power: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lock = Arc::new(Lock::take(dir.path()).unwrap());
        let settings = Settings {
            power,
            max_bytes: 1 << 20,
        };
        let core = Arc::new(Core::open(dir.path(), lock, settings).unwrap());
        let writer = Writer::open(core.clone()).unwrap();
        let claim = core.enter("c", Filter::All).await.unwrap();
        Self {
            _dir: dir,
            core,
            writer,
            claim,
        }
    }

    async fn commit(&mut self, record: &Arc<Message>) -> Result<Seq> {
        let frame = frame::unsealed(&**record);
        assert!(self.core.space.take(frame.len()));
        let (done, accepted) = oneshot::channel();
        let entry = Entry {
            record: record.clone(),
            room: self.core.queue.room(frame.len()).await.unwrap(),
            frame,
            done: Some(done),
        };
        self.writer.commit(&mut vec![entry]);
        accepted.await.unwrap()
    }

    /// Replaces the file by a device, which fails in a way that a disk can.
    fn fail(&mut self, device: &str) {
        self.writer.active.file = OpenOptions::new().write(true).open(device).unwrap();
    }

    fn mend(&mut self) {
        let path = self.writer.active.segment().path();
        self.writer.active.file = File::options().write(true).open(path).unwrap();
    }

    async fn assert_kept(&self, records: &[&Arc<Message>]) {
        let mut reader = LogConsumer::open(self.core.clone(), self.claim.clone());
        for record in records {
            assert_eq!(reader.next().await.unwrap().record.id, record.id);
        }
        assert_eq!(self.core.segments.bytes(), self.core.space.used());
    }
}

#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_refused() {
    let mut bench = Bench::new(false).await;
    let [one, two, three] = ["a", "b", "c"].map(|subtopic| Arc::new(message(subtopic)));
    let first = bench.commit(&one).await.unwrap();
    bench.fail("/dev/full");
    let error = bench.commit(&two).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_ref()),
        (ErrorKind::Unavailable, "bus_write_failed")
    );
    assert_eq!(bench.core.trouble.lock().as_ref(), Some(&error));
    bench.mend();
    assert!(bench.commit(&three).await.unwrap() > first);
    assert_eq!(*bench.core.trouble.lock(), None);
    bench.assert_kept(&[&one, &three]).await;
}

#[tokio::test]
async fn a_file_that_could_not_be_synced_is_not_used_again() {
    let mut bench = Bench::new(true).await;
    let [one, two, three] = ["a", "b", "c"].map(|subtopic| Arc::new(message(subtopic)));
    bench.commit(&one).await.unwrap();
    let file = bench.writer.active.segment().path().to_owned();
    bench.fail("/dev/null");
    let error = bench.commit(&two).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    bench.commit(&three).await.unwrap();
    assert_ne!(bench.writer.active.segment().path(), file);
    bench.assert_kept(&[&one, &three]).await;
}

#[tokio::test]
async fn the_log_finds_out_by_itself_that_the_disk_works_again() {
    let mut bench = Bench::new(false).await;
    bench.fail("/dev/full");
    let record = Arc::new(message("a"));
    bench.commit(&record).await.unwrap_err();
    bench.writer.recover();
    assert_eq!(*bench.core.trouble.lock(), None);
    bench.commit(&record).await.unwrap();
    bench.assert_kept(&[&record]).await;
}
