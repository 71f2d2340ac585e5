use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use parking_lot::Mutex;
use tokio::time::timeout;

/// A connection that is silent for longer counts as lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A named lock that is held until this is dropped.
#[derive(Debug)]
pub struct LockGuard(Inner);

#[derive(Debug)]
enum Inner {
    Postgres(ClientWrapper),
    Sqlite { names: Names, name: String },
}

/// The names that are locked in this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<HashSet<String>>>);

impl Names {
    pub(crate) fn take(&self, name: &str) -> Option<LockGuard> {
        let taken = self.0.lock().insert(name.to_owned());
        taken.then(|| {
            LockGuard(Inner::Sqlite {
                names: self.clone(),
                name: name.to_owned(),
            })
        })
    }
}

impl LockGuard {
    pub(crate) fn postgres(connection: ClientWrapper) -> Self {
        Self(Inner::Postgres(connection))
    }

    /// Tells whether the lock is still held: PostgreSQL releases it when the connection is lost.
    pub async fn is_held(&self) -> bool {
        match &self.0 {
            Inner::Postgres(connection) => timeout(ANSWER_TIMEOUT, connection.simple_query(""))
                .await
                .is_ok_and(|answer| answer.is_ok()),
            Inner::Sqlite { .. } => true,
        }
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        match &self.0 {
            // The lock ends with the connection, which the guard owns.
            Inner::Postgres(_) => {}
            Inner::Sqlite { names, name } => {
                names.0.lock().remove(name);
            }
        }
    }
}
