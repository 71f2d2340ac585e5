use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use model::Result;
use parking_lot::Mutex;

type Call<V> = Pin<Box<dyn Future<Output = Result<V>> + Send>>;
type Table<K, V> = Arc<Mutex<Flying<K, V>>>;

/// Calls under way, so that all who ask the same question at once share one.
pub(crate) struct Flights<K, V>(Table<K, V>);

struct Flying<K, V> {
    calls: HashMap<K, (u64, WeakShared<Call<V>>)>,
    started: u64,
}

impl<K: Clone + Eq + Hash + Send + 'static, V: Clone + Send + Sync + 'static> Flights<K, V> {
    pub(crate) fn new() -> Self {
        let flying = Flying {
            calls: HashMap::new(),
            started: 0,
        };
        Self(Arc::new(Mutex::new(flying)))
    }

    /// Waits for the call under way for this key, or for the one made now.
    ///
    /// It goes on while anybody waits for it, and ends when the last of them goes away.
    pub(crate) async fn share(
        &self,
        key: K,
        call: impl Future<Output = Result<V>> + Send + 'static,
    ) -> Result<V> {
        let shared = self.join(key, call);
        shared.await
    }

    fn join(
        &self,
        key: K,
        call: impl Future<Output = Result<V>> + Send + 'static,
    ) -> Shared<Call<V>> {
        let mut flying = self.0.lock();
        if let Some(shared) = flying.calls.get(&key).and_then(|(_, call)| call.upgrade()) {
            return shared;
        }
        flying.started += 1;
        let landing = Landing {
            table: Arc::clone(&self.0),
            key: key.clone(),
            number: flying.started,
        };
        let call: Call<V> = Box::pin(async move {
            let _landing = landing;
            call.await
        });
        let shared = call.shared();
        if let Some(weak) = shared.downgrade() {
            let number = flying.started;
            flying.calls.insert(key, (number, weak));
        }
        shared
    }
}

/// Takes a call out of the table when it has ended, or when nobody waits for it any more.
struct Landing<K: Eq + Hash, V> {
    table: Table<K, V>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut flying = self.table.lock();
        if flying
            .calls
            .get(&self.key)
            .is_some_and(|(number, _)| *number == self.number)
        {
            flying.calls.remove(&self.key);
        }
    }
}
