//! The history of a channel against what was acknowledged: all of it is there, and nothing twice.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::until;

use crate::stage::Stage;

/// Waits until all that was acknowledged is stored, and fails when anything is stored twice.
pub(crate) async fn check(stage: &Stage, acknowledged: &BTreeSet<String>) -> anyhow::Result<()> {
    let stored = complete(stage, acknowledged).await?;
    let all: BTreeSet<_> = stored.iter().collect();
    ensure!(
        stored.len() == all.len(),
        "{} messages are stored twice",
        stored.len() - all.len()
    );
    Ok(())
}

/// Waits until all that was acknowledged is stored, and returns all that is.
pub(crate) async fn complete(
    stage: &Stage,
    acknowledged: &BTreeSet<String>,
) -> anyhow::Result<Vec<String>> {
    let complete = || async {
        let stored = stored(stage).await.ok()?;
        let all: BTreeSet<_> = stored.iter().cloned().collect();
        acknowledged.is_subset(&all).then_some(stored)
    };
    let all = until("all that was acknowledged to be stored", complete).await;
    all.with_context(|| stage.platform.log())
}

/// Reads every payload that was kept, page by page.
async fn stored(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let (mut stored, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("?raw=true&limit=1000{cursor}");
        let page = stage.read(&query).await?.json();
        let messages = page["messages"].as_array().context("no page")?;
        for message in messages {
            let payload = message["payload"].as_str().context("no payload")?;
            stored.push(String::from_utf8(STANDARD.decode(payload)?)?);
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(stored),
        }
    }
}
