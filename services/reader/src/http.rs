use std::sync::Arc;

use ::http::{HeaderMap, Uri};
use adapter::MessagePath;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use model::ChannelId;
use server::metrics::Api;
use server::{Legacy, Problem, Query, legacy, version_router};

use crate::Reader;
use crate::parameters::Wanted;

/// Makes the routes of the reader (contract section 7.3).
pub fn router(reader: Arc<Reader>) -> Router {
    let read = get(Api::new("message_reader").count("read_all", read));
    let messages = Router::new()
        .route("/channels/{channel}/messages", read.clone())
        .route("/channels//messages", read)
        .with_state(reader);
    legacy(
        messages.merge(version_router("postgres-reader")),
        Legacy::ADAPTER,
    )
}

/// Who asks is judged before what is asked, as in 0.9.
async fn read(
    State(reader): State<Arc<Reader>>,
    uri: Uri,
    headers: HeaderMap,
    parameters: Query,
) -> Result<Response, Problem> {
    let channel = channel(uri.path())?;
    reader.access.open(&headers, channel).await?;
    let wanted = Wanted::parse(&parameters, channel, &reader.config)?;
    let format = wanted.format;
    let answer = reader.read(wanted).await?;
    let next = answer.next.as_ref().map(|next| next_page(&uri, next));
    answer.write(format, next)
}

fn channel(path: &str) -> Result<ChannelId, Problem> {
    let path = MessagePath::split(path).ok_or_else(|| {
        Problem::invalid("path_malformed", "messages are at /channels/<id>/messages")
    })?;
    Ok(path.channel()?)
}

/// Returns the address of the next page, relative to this one: the same question from the cursor on.
fn next_page(uri: &Uri, cursor: &str) -> String {
    let pairs = uri.query().unwrap_or_default().split('&');
    let kept = pairs.filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !matches!(name, "" | "cursor" | "offset")
    });
    let mut query: String = kept.map(|pair| format!("{pair}&")).collect();
    query.push_str("cursor=");
    query.push_str(cursor);
    format!("?{query}")
}

#[cfg(test)]
mod tests {
    use super::next_page;

    #[test]
    fn the_next_page_asks_the_same() {
        for (uri, expected) in [
            ("/channels/1/messages", "?cursor=X"),
            (
                "/channels/1/messages?name=a%20b&offset=5&limit=2",
                "?name=a%20b&limit=2&cursor=X",
            ),
            ("/channels/1/messages?cursor=W&v=1", "?v=1&cursor=X"),
        ] {
            assert_eq!(next_page(&uri.parse().unwrap(), "X"), expected);
        }
    }
}
