use std::collections::HashMap;
use std::sync::Arc;

use openssl::ssl::SslContext;
use parking_lot::Mutex;

/// What a CA is shown while it checks that a name is ours; clones share it.
#[derive(Clone, Default)]
pub struct Challenges(Arc<Mutex<Pending>>);

#[derive(Default)]
struct Pending {
    tokens: HashMap<String, String>,
    contexts: HashMap<String, SslContext>,
}

/// A challenge that is answered until this is dropped.
pub(super) struct Shown {
    challenges: Challenges,
    key: String,
}

impl Challenges {
    /// Returns what to answer to a request for `/.well-known/acme-challenge/TOKEN` (http-01), if a CA was told of the token.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.0.lock().tokens.get(token).cloned()
    }

    /// Returns the context that answers for a name by tls-alpn-01, if a CA was told to look.
    pub(crate) fn context(&self, name: &str) -> Option<SslContext> {
        self.0.lock().contexts.get(name).cloned()
    }

    pub(super) fn show_token(&self, token: &str, answer: &str) -> Shown {
        let mut pending = self.0.lock();
        pending.tokens.insert(token.to_owned(), answer.to_owned());
        self.shown(token)
    }

    pub(super) fn show_context(&self, name: &str, context: SslContext) -> Shown {
        self.0.lock().contexts.insert(name.to_owned(), context);
        self.shown(name)
    }

    fn shown(&self, key: &str) -> Shown {
        Shown {
            challenges: self.clone(),
            key: key.to_owned(),
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let mut pending = self.challenges.0.lock();
        pending.tokens.remove(&self.key);
        pending.contexts.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::Challenges;

    #[test]
    fn a_token_is_known_while_it_is_shown() {
        let challenges = Challenges::default();
        let shown = challenges.show_token("token", "token.print");
        assert_eq!(challenges.answer("token").as_deref(), Some("token.print"));
        for unknown in ["", "../token", "Token", "other"] {
            assert_eq!(challenges.answer(unknown), None);
        }
        drop(shown);
        assert_eq!(challenges.answer("token"), None);
    }
}
