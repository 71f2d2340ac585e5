//! Loss of power, under load and with subscribers that are away: the file system forgets what was not synced, and all that was
//! acknowledged is there.
//!
//! It takes root, a loop device and `mkfs.ext4`: the data is on an ext4 of the test's own, which is shut down as if its disk had
//! stopped.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Platform, Role};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

use crate::certificates::finish;
use crate::kills::{arrived_at_all, away, subscribe, under_load};
use crate::ledger;
use crate::stage::Stage;

/// How often the power goes.
const CUTS: u32 = 8;
/// The load goes on for a little longer before each cut, so that they fall on different moments.
const LOAD: Duration = Duration::from_millis(500);
const SHIFT: Duration = Duration::from_millis(217);
/// How many sessions are away meanwhile.
const AWAY: usize = 2;
/// How large the file system is.
const SIZE: u64 = 512 << 20;
/// `EXT4_IOC_SHUTDOWN`, which no shell has, without flushing even the journal.
const SHUTDOWN: &str = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_survives_the_loss_of_power() -> anyhow::Result<()> {
    let disk = Disk::make().await?;
    let durable = [("MF_BUS_DURABILITY", "power")];
    let platform = Platform::start_on_disk(&disk.root(), &durable).await?;
    let mut stage = Stage::on(platform).await?;
    let at = stage.platform.address("mqtt")?;
    let topic = stage.topic("/power");
    for number in 0..AWAY {
        subscribe(&at, &stage.thing, &away(number), &topic).await?;
    }
    let thing = stage.thing.clone();
    let cuts = cut(&disk, &mut stage.platform);
    let acknowledged = under_load(&at, &thing, &topic, cuts).await?;
    arrived_at_all(&stage, AWAY, &acknowledged).await?;
    let stored = ledger::complete(&stage, &acknowledged.into_iter().collect()).await?;
    // What is published again with QoS 1, because no answer came, is another message.
    let mut once: Vec<_> = stored
        .iter()
        .filter(|m| m.starts_with(['c', 'd']))
        .collect();
    let count = once.len();
    once.sort();
    once.dedup();
    ensure!(
        once.len() == count,
        "{} messages of QoS 2 are stored twice",
        count - once.len()
    );
    Ok(())
}

/// Takes the power away again and again.
///
/// The process stops first, as it would: a sync that is under way while ext4 shuts down may return as if nothing had happened.
async fn cut(disk: &Disk, platform: &mut Platform) -> anyhow::Result<()> {
    for number in 0..CUTS {
        sleep(LOAD + number * SHIFT).await;
        let pid = platform.pid(Role::All).context("it runs")?.to_string();
        finish(Command::new("kill").args(["-STOP", &pid])).await?;
        disk.stop().await?;
        platform.kill(Role::All).await?;
        disk.unmount().await?;
        disk.mount().await?;
        platform.restart(Role::All).await?;
    }
    sleep(LOAD).await;
    Ok(())
}

/// An ext4 in a file, mounted until it is dropped.
struct Disk(TempDir);

impl Disk {
    async fn make() -> anyhow::Result<Self> {
        let disk = Self(tempfile::tempdir()?);
        std::fs::create_dir(disk.root())?;
        File::create_new(disk.image())?.set_len(SIZE)?;
        finish(Command::new("mkfs.ext4").arg("-qF").arg(disk.image())).await?;
        let mounted = disk.mount().await;
        mounted.context("the loss of power takes root and a loop device")?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("image")
    }

    /// Returns where it is mounted.
    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    async fn mount(&self) -> anyhow::Result<()> {
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(self.image());
        finish(mount.arg(self.root())).await?;
        Ok(())
    }

    async fn unmount(&self) -> anyhow::Result<()> {
        finish(Command::new("umount").arg(self.root())).await?;
        Ok(())
    }

    /// Makes it forget what it has not written, and refuse everything from now on.
    async fn stop(&self) -> anyhow::Result<()> {
        let mut python = Command::new("python3");
        finish(python.args(["-c", SHUTDOWN]).arg(self.root())).await?;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the process that the failed test leaves may not be gone yet.
        let mut umount = std::process::Command::new("umount");
        if let Err(error) = umount.arg("--lazy").arg(self.root()).status() {
            eprintln!("{} stays mounted: {error}", self.root().display());
        }
    }
}
