//! Files that appear whole, with their owner and mode, or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use anyhow::Context;

/// Who a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Owner {
    /// Creates a folder where there is none, and returns whom it belongs to: a new one to the owner of its parent.
    pub(super) fn create(dir: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot create the folder {}", dir.display());
        if !dir.try_exists().with_context(cannot)? {
            DirBuilder::new()
                .recursive(true)
                .create(dir)
                .with_context(cannot)?;
            if let Some(parent) = dir.canonicalize()?.parent() {
                let owner = Self::of(parent)?;
                chown(&File::open(dir)?, owner).with_context(cannot)?;
            }
        }
        Self::of(dir)
    }

    fn of(path: &Path) -> anyhow::Result<Self> {
        let found =
            fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
        Ok(Self {
            user: found.uid(),
            group: found.gid(),
        })
    }
}

/// Writes a file that must not be there yet.
pub(super) fn write_new(
    path: &Path,
    content: &[u8],
    mode: u32,
    owner: Owner,
) -> anyhow::Result<()> {
    anyhow::ensure!(!path.try_exists()?, "{} is there already", path.display());
    replace(path, content, mode, owner)
}

/// Makes a folder that only its owner, or with 0o750 its group, can look into.
pub(super) fn folder(path: &Path, mode: u32, owner: Owner) -> anyhow::Result<()> {
    let cannot = || {
        format!(
            "cannot make the folder {} for user {}",
            path.display(),
            owner.user
        )
    };
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .with_context(cannot)?;
    let dir = File::open(path).with_context(cannot)?;
    dir.set_permissions(Permissions::from_mode(mode))
        .with_context(cannot)?;
    chown(&dir, owner).with_context(cannot)
}

/// Makes a file have this content, owner and mode; one that has them is not touched, so that nobody reads it again.
pub(super) fn put(path: &Path, content: &[u8], mode: u32, owner: Owner) -> anyhow::Result<()> {
    let same = fs::metadata(path).is_ok_and(|found| {
        found.mode() & 0o7777 == mode && found.uid() == owner.user && found.gid() == owner.group
    });
    if same && fs::read(path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    replace(path, content, mode, owner)
}

/// Writes beside and renames; the owner is set before the content is there.
fn replace(path: &Path, content: &[u8], mode: u32, owner: Owner) -> anyhow::Result<()> {
    let beside = path.with_added_extension("new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        chown(&file, owner)?;
        file.write_all(content)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| format!("cannot write {} for user {}", path.display(), owner.user))
}

/// Gives a file to somebody; it need not be root who does it when nothing changes.
fn chown(file: &File, owner: Owner) -> io::Result<()> {
    let found = file.metadata()?;
    if (found.uid(), found.gid()) == (owner.user, owner.group) {
        return Ok(());
    }
    fchown(file, Some(owner.user), Some(owner.group))
}
