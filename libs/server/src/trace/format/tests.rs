use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::JsonLines;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn logged(log: impl FnOnce()) -> Value {
    let lines = Lines::default();
    let layer = tracing_subscriber::fmt::layer()
        .event_format(JsonLines)
        .with_writer(lines.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    let bytes = lines.0.lock().unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'));
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
    serde_json::from_slice(&bytes).unwrap()
}

#[derive(Debug, thiserror::Error)]
#[error("outer")]
struct Outer(#[source] io::Error);

#[test]
fn a_line_is_an_object_with_the_names_of_0_9() {
    let line = logged(|| tracing::warn!(thing.id = 7, ok = true, "a \"quoted\"\nmessage"));
    assert_eq!(line["level"], "warn");
    assert_eq!(line["message"], "a \"quoted\"\nmessage");
    assert_eq!(line["thing.id"], 7);
    assert_eq!(line["ok"], true);
    let ts = line["ts"].as_str().unwrap();
    assert!(
        ts.starts_with("20") && ts.ends_with('Z') && ts.contains('T'),
        "{ts}"
    );
}

#[test]
fn an_error_is_written_with_its_causes() {
    let error = Outer(io::Error::other("inner"));
    let line = logged(|| tracing::error!(error = &error as &dyn std::error::Error, "failed"));
    assert_eq!(line["error"], "outer: inner");
}

#[test]
fn a_field_cannot_replace_the_level() {
    let line = logged(|| tracing::info!(level = "debug", ts = "never", "x"));
    assert_eq!(line["level"], "info");
    assert_ne!(line["ts"], "never");
}
