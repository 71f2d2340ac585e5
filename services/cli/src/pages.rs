use http::Method;
use serde_json::{Value, json};

use crate::api::Api;
use crate::error::Error;
use crate::progress::Progress;
use crate::target::escape;

/// The most a server returns at once.
const PAGE: u64 = 100;
/// How many are listed unless `--limit` says otherwise.
const DEFAULT_LIMIT: u64 = 100;

/// Lists what `--offset`, `--limit` and `--name` say, in as many requests as it takes.
pub(crate) async fn list(
    api: &mut Api,
    path: &str,
    name: &str,
    token: &str,
    named: bool,
) -> Result<Value, Error> {
    let first = api.options.offset.unwrap_or(0);
    let wanted = api.options.limit.unwrap_or(DEFAULT_LIMIT);
    let filter = match &api.options.name {
        Some(text) if named => format!("&name={}", escape(text)),
        Some(_) | None => String::new(),
    };
    let mut objects: Vec<Value> = Vec::new();
    let mut bar = Progress::new(wanted);
    let (mut total, mut place) = (0, format!("offset={first}"));
    loop {
        // A limit of 0 is for the server to refuse.
        let limit = wanted.saturating_sub(objects.len() as u64).min(PAGE);
        let query = format!("{path}?{place}&limit={limit}{filter}");
        let page = api.things(Method::GET, &query, token, None).await?.json()?;
        let more = page[name].as_array().cloned().unwrap_or_default();
        let last = more.is_empty();
        objects.extend(more);
        // Only the first page has it: the others go on where the one before ended.
        total = page["total"].as_u64().unwrap_or(total);
        let got = objects.len() as u64;
        bar.show(got, name);
        place = match page["next"].as_str() {
            Some(next) => format!("cursor={}", escape(next)),
            // Certificates, and a server of 0.9, go by offset only.
            None => format!("offset={}", first.saturating_add(got)),
        };
        if last || got >= wanted || first.saturating_add(got) >= total {
            return Ok(json!({ "total": total, "offset": first, "limit": wanted, name: objects }));
        }
    }
}
