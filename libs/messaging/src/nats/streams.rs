//! The streams on the server: made when they are missing, judged when they are there.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use model::Result;

use super::error::{is_full, refused, unavailable};
use super::link::Link;
use crate::Record;

/// How long the server remembers the id of a record; a second copy is only sent within the publish deadline.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(30);

/// Describes the stream behind a bus.
///
/// Both buses have interest retention: a record stays until every consumer it concerns has acknowledged it, and one that
/// concerns none is not kept. Events are no exception, as the outbox of each service is what late readers replay.
pub(super) fn of_bus<T: Record>(max_bytes: u64, replicas: usize) -> Config {
    Config {
        name: T::STREAM.to_owned(),
        subjects: vec![T::SUBJECTS.to_owned()],
        retention: RetentionPolicy::Interest,
        ..common(max_bytes, replicas)
    }
}

/// Describes the stream behind a bucket, as every NATS client lays out its key-value buckets.
pub(super) fn of_bucket(name: &str, max_bytes: u64, replicas: usize) -> Config {
    Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        retention: RetentionPolicy::Limits,
        max_messages_per_subject: 1,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..common(max_bytes, replicas)
    }
}

fn common(max_bytes: u64, num_replicas: usize) -> Config {
    Config {
        description: Some("made by Ferroflux".to_owned()),
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas,
        ..Config::default()
    }
}

/// Returns the stream that is described, and makes it when there is none of that name.
pub(super) async fn ensure(link: &Link, wanted: &Config) -> Result<Stream> {
    let stream = match link.js.get_or_create_stream(wanted.clone()).await {
        // Another process with other settings has made it at this moment; if so, it is there by its name.
        Err(error) if is_taken(&error.kind()) => {
            let found = link.js.get_stream(&wanted.name).await;
            found.map_err(|absent| match absent.kind() {
                GetStreamErrorKind::JetStream(_) => explain(wanted, &error),
                _ => unavailable(absent),
            })?
        }
        stream => stream.map_err(|error| explain(wanted, &error))?,
    };
    let found = &stream.cached_info().config;
    let wrong = differences(found, wanted);
    if !wrong.is_empty() {
        return Err(refused(format!(
            "the NATS stream {} exists and is not fit: {}; change it, or delete it and let it be made again",
            wanted.name,
            wrong.join(", "),
        )));
    }
    if found.max_bytes != wanted.max_bytes {
        tracing::info!(
            stream = wanted.name,
            max_bytes = found.max_bytes,
            configured = wanted.max_bytes,
            "the stream exists and keeps its own size",
        );
    }
    Ok(stream)
}

/// Names the settings that would break a promise; how much is kept, how long and in how many copies is the operator's choice.
fn differences(found: &Config, wanted: &Config) -> Vec<String> {
    let kept_per_subject = found.max_messages_per_subject == wanted.max_messages_per_subject
        || (found.max_messages_per_subject <= 0 && wanted.max_messages_per_subject <= 0);
    let checks = [
        (
            found.subjects == wanted.subjects,
            format!(
                "its subjects are not exactly {}",
                wanted.subjects.join(", ")
            ),
        ),
        (
            found.retention == wanted.retention,
            format!("its retention is not {:?}", wanted.retention),
        ),
        (
            found.storage == wanted.storage,
            "its storage is not File".to_owned(),
        ),
        (
            found.discard == wanted.discard,
            "it discards the old when it is full".to_owned(),
        ),
        (
            kept_per_subject,
            format!("it keeps {} per subject", found.max_messages_per_subject),
        ),
        (!found.no_ack, "it does not acknowledge".to_owned()),
        (!found.sealed, "it is sealed".to_owned()),
        (found.mirror.is_none(), "it is a mirror".to_owned()),
    ];
    let wrong = checks.into_iter().filter(|(good, _)| !good);
    wrong.map(|(_, reason)| reason).collect()
}

/// NATS 2.9 may call the stream of another process that makes it right now one that overlaps.
fn is_taken(error: &CreateStreamErrorKind) -> bool {
    let taken = [
        ErrorCode::STREAM_NAME_EXIST,
        ErrorCode::STREAM_SUBJECT_OVERLAP,
    ];
    matches!(error, CreateStreamErrorKind::JetStream(error) if taken.contains(&error.error_code()))
}

fn explain(wanted: &Config, error: &CreateStreamError) -> model::Error {
    let CreateStreamErrorKind::JetStream(reason) = error.kind() else {
        return unavailable(error);
    };
    let hint = match reason.error_code() {
        code if is_full(code, &reason.to_string()) => {
            format!("it has no room for {} bytes", wanted.max_bytes)
        }
        ErrorCode::STREAM_SUBJECT_OVERLAP => {
            "another stream has its subjects; remove that one or use an account of its own"
                .to_owned()
        }
        _ => reason.to_string(),
    };
    refused(format!(
        "the NATS server does not make the stream {}: {hint}",
        wanted.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn size_age_and_copies_are_the_operators_choice() {
        let wanted = of_bus::<Message>(1000, 1);
        let found = Config {
            max_bytes: 5,
            max_age: Duration::from_secs(1),
            num_replicas: 3,
            max_messages_per_subject: -1,
            ..wanted.clone()
        };
        assert_eq!(differences(&found, &wanted), Vec::<String>::new());
    }

    #[test]
    fn settings_that_lose_records_are_named() {
        let wanted = of_bus::<Message>(1000, 1);
        let found = Config {
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            storage: StorageType::Memory,
            max_messages_per_subject: 1,
            subjects: vec!["channel.*".to_owned()],
            ..wanted.clone()
        };
        assert_eq!(differences(&found, &wanted).len(), 5);
    }
}
