//! Several JetStream consumers read as one: a server of version 2.9 gives each only one subject.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::time::timeout;

use super::pull::{Delivered, Lost, Pull};

/// How long to wait for a message that the server has and does not send, such as when too many are unacknowledged.
const ORDER_WAIT: Duration = Duration::from_millis(500);

/// Waits until the next message can be told. Dropping the future loses nothing.
///
/// Messages come in the order of the stream as far as known: while a consumer has more on the server its next message is
/// waited for. Of two messages published at the same moment to different subjects, either may come first.
pub(super) async fn fill(pulls: &mut [Pull]) -> Result<(), Lost> {
    let anything_here = pulls.iter().any(|pull| pull.peek().is_some());
    if !anything_here {
        any(pulls, |_| true).await?;
    }
    while pulls.iter().any(lacks) {
        match timeout(ORDER_WAIT, any(pulls, lacks)).await {
            Ok(filled) => filled?,
            Err(_) => pulls
                .iter_mut()
                .filter(|pull| lacks(pull))
                .for_each(Pull::assume_caught_up),
        }
    }
    // What has come in the meantime is looked at too, without waiting.
    for pull in pulls {
        if let Some(filled) = pull.fill().now_or_never() {
            filled?;
        }
    }
    Ok(())
}

fn lacks(pull: &Pull) -> bool {
    pull.is_behind() && pull.peek().is_none()
}

pub(super) async fn any(pulls: &mut [Pull], chosen: impl Fn(&Pull) -> bool) -> Result<(), Lost> {
    let chosen = pulls.iter_mut().filter(|pull| chosen(pull));
    select_all(chosen.map(|pull| pull.fill().boxed())).await.0
}

/// Takes the first message of the stream among those that are here, and says which consumer it is of.
pub(super) fn take(pulls: &mut [Pull]) -> Option<(usize, Delivered)> {
    let first = pulls
        .iter()
        .enumerate()
        .filter_map(|(part, pull)| Some((pull.peek()?, part)))
        .min()?;
    Some((first.1, pulls[first.1].take()?))
}
