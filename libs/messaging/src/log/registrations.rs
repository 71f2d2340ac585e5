//! Who became a consumer or ceased to be one since the positions were written down.

use std::path::Path;

use model::Result;
use serde::{Deserialize, Serialize};

use crate::disk::directory::write_failed;
use crate::disk::journal::Journal;
use crate::disk::together::{Together, Waiting};

const FILE: &str = "consumers.journal";

/// The journal of registrations; all that come at the same time share one write.
pub(crate) type Registrations = Together<Journal, Registration>;

/// A consumer that comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Registration {
    /// It is to get what its subjects choose from this number on.
    Entered {
        name: String,
        subjects: Vec<String>,
        cursor: u64,
    },
    /// It has no claim any more.
    Left { name: String },
}

/// Opens the journal in a directory and returns it with what is in it after an entry with this number.
pub(crate) fn open(
    dir: &Path,
    power: bool,
    after: u64,
) -> Result<(Registrations, Vec<Registration>)> {
    let path = dir.join(FILE);
    let mut found = Vec::new();
    let mut journal = Journal::open(&path, power, |number, bytes| {
        match serde_json::from_slice(bytes) {
            Ok(registration) if number > after => found.push(registration),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(file = %path.display(), number, %error, "a registration that is not understood is skipped");
            }
        }
    })?;
    journal.skip(after);
    Ok((Together::new(journal), found))
}

/// Writes registrations, all or none.
pub(crate) fn write(journal: &mut Journal, waiting: Vec<Waiting<Registration>>) {
    let result = append(journal, &waiting).map_err(|error| {
        tracing::error!(%error, "registrations of consumers cannot be written and are refused");
        write_failed()
    });
    for waiting in waiting {
        waiting.finish(result.clone());
    }
}

fn append(journal: &mut Journal, waiting: &[Waiting<Registration>]) -> std::io::Result<()> {
    let mut entries = Vec::with_capacity(waiting.len());
    for waiting in waiting {
        entries.push(serde_json::to_vec(&waiting.item)?);
    }
    journal.append(entries.into_iter())
}
