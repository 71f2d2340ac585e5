//! The directory with the accounts and the certificates.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use openssl::sha::sha256;

use crate::peer_cert::hex;

/// Where one installation keeps what it got from CAs; several processes can share it.
pub(super) struct Cache(PathBuf);

impl Cache {
    /// Makes the directory if it is not there.
    pub(super) fn open(directory: &str) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        Ok(Self(directory.into()))
    }

    /// Returns the file of the account at a CA.
    pub(super) fn account(&self, directory_url: &str) -> PathBuf {
        let print = hex(&sha256(directory_url.as_bytes()));
        self.0.join(format!("account-{}.json", &print[..16]))
    }

    /// Takes the right to ask a CA, unless another process has it; it ends when the file is closed.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let file = options.open(self.0.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Writes a file that only we can read, in one step: whoever looks sees the old content or the new.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let mut file = options.open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{Cache, write};

    #[test]
    fn files_are_ours_alone_and_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        let cache = Cache::open(below.to_str().unwrap()).unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(below.as_path()), 0o700);
        let path = below.join("host.pem");
        write(&path, b"first").unwrap();
        write(&path, b"2").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
        assert_eq!(mode(&path), 0o600);
        let ours = cache.lock().unwrap();
        assert!(ours.is_some() && cache.lock().unwrap().is_none());
        drop(ours);
        assert!(cache.lock().unwrap().is_some());
        assert_ne!(cache.account("https://a"), cache.account("https://b"));
    }
}
