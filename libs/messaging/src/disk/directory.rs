//! Directories and files of the bus: private to the user, and of one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use model::{Error, ErrorKind, Result};

const LOCK_FILE: &str = "lock";
/// How long a directory may stay locked before it counts as in use, and how often that is looked at.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Keeps other processes out of a directory until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(
    #[expect(dead_code, reason = "the lock lasts as long as the file is open")] File,
);

impl Lock {
    /// Makes the directory if needed and takes it for this process.
    pub(crate) fn take(dir: &Path) -> Result<Self> {
        create_dir(dir).map_err(|error| unusable(dir, &error))?;
        let path = dir.join(LOCK_FILE);
        let mut file = private(
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false),
        )
        .open(&path)
        .map_err(|error| unusable(&path, &error))?;
        match lock(&file) {
            Ok(()) => {
                // For people only, and the disk may be full.
                drop(note_process(&mut file));
                Ok(Self(file))
            }
            Err(TryLockError::WouldBlock) => Err(in_use(dir, &mut file)),
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }
}

/// Waits a moment for a lock that is about to be free: a child of the process before holds it from its fork to its exec.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when a lock of another process is free, and the start may wait"
)]
fn lock(file: &File) -> Result<(), TryLockError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_PAUSE);
            }
            result => return result,
        }
    }
}

fn note_process(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

fn in_use(dir: &Path, file: &mut File) -> Error {
    let mut process = String::new();
    if file.take(20).read_to_string(&mut process).is_err() || process.is_empty() {
        "unknown".clone_into(&mut process);
    }
    Error::new(
        ErrorKind::Conflict,
        "bus_in_use",
        format!(
            "{} is in use by another process ({process}); stop it, or choose another directory",
            dir.display()
        ),
    )
}

/// Makes the error for a path of the bus that cannot be used.
pub(crate) fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "bus_directory",
        format!("cannot use {}: {error}", path.display()),
    )
}

/// Makes the refusal of a file that a later version of the program wrote.
pub(crate) fn newer(path: &Path, version: u16) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "bus_newer",
        format!(
            "{} has format {version}, which only a newer version of this program reads",
            path.display()
        ),
    )
}

/// Makes the refusal of a write that has failed.
pub(crate) fn write_failed() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "bus_write_failed",
        "the bus cannot write to its disk now; the log of the process says why",
    )
}

/// Keeps a file without a readable header out of the way, for a person to look at.
pub(crate) fn set_aside(path: &Path) -> io::Result<()> {
    let aside = path.with_extension("damaged");
    tracing::error!(file = %path.display(), offset = 0, aside = %aside.display(), "a file without a readable header is set aside");
    fs::rename(path, aside)
}

/// Makes a directory and those above it, for this user only.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes the options create files for this user only.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Creates a file for this user only, empty even where there was one.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    private(
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true),
    )
    .open(path)
}

/// Makes the names in a directory survive the loss of power.
pub(crate) fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_belongs_to_one_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("a/b");
        let lock = Lock::take(&dir).unwrap();
        let error = Lock::take(&dir).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(
            error.message.contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(lock);
        Lock::take(&dir).unwrap();
    }

    #[test]
    fn what_is_made_is_private() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("bus");
        let _lock = Lock::take(&dir).unwrap();
        create(&dir.join("file")).unwrap();
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&dir.join(LOCK_FILE)), 0o600);
        assert_eq!(mode(&dir.join("file")), 0o600);
    }

    #[test]
    fn an_unusable_directory_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        create(&file).unwrap();
        let error = Lock::take(&file).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains("file"), "{error}");
    }
}
