use axum::body::Body;
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Thing {
    name: String,
    #[serde(rename = "thing_key")]
    key: Option<String>,
    metadata: Option<serde_json::Map<String, Value>>,
    count: u8,
}

fn read(body: &str) -> Result<Thing, Problem> {
    parse(body.as_bytes())
}

fn named(name: &str) -> Result<Thing, Problem> {
    Ok(Thing {
        name: name.to_owned(),
        ..Thing::default()
    })
}

async fn extract(content_type: Option<&str>, body: &str) -> Result<Thing, u16> {
    let mut request = Request::builder();
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let body = JsonBody::from_request(request, &()).await;
    body.map(|JsonBody(thing)| thing).map_err(|problem| {
        axum::response::IntoResponse::into_response(problem)
            .status()
            .as_u16()
    })
}

#[tokio::test]
async fn the_content_type_is_told_before_the_body() {
    assert_eq!(extract(None, "{").await, Err(415));
    assert_eq!(extract(Some("text/plain"), "{}").await, Err(415));
    assert_eq!(extract(Some("application/json"), "{").await, Err(400));
    let with_charset = extract(Some("application/json; charset=utf-8"), "{}").await;
    assert_eq!(with_charset, Ok(Thing::default()));
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let body = " ".repeat(3 * 1024 * 1024);
    assert_eq!(extract(Some("application/json"), &body).await, Err(413));
}

#[test]
fn lenient_as_go() {
    for body in [
        r#"{"name":"a"}"#,
        r#"{"Name":"a","unknown":[{}]}"#,
        r#"{"NAME":"b","name":"a"}"#,
        r#"{"name":"b","name":"a"}"#,
        r#"{"name":"a","thing_key":null,"metadata":null,"count":null}"#,
        r#" {"name":"a"} trailing"#,
    ] {
        assert_eq!(read(body), named("a"), "{body}");
    }
    assert_eq!(read("null"), named(""));
    assert_eq!(read(r#"{"name":null}"#), named(""));
    assert_eq!(
        read(r#"{"THING_KEY":"k"}"#).unwrap().key.as_deref(),
        Some("k")
    );
}

#[test]
fn metadata_is_left_as_it_is() {
    let thing = read(r#"{"metadata":{"Name":null,"a":[{"NAME":1.5}]}}"#).unwrap();
    let expected = json!({"Name": null, "a": [{"NAME": 1.5}]});
    assert_eq!(thing.metadata.map(Value::from), Some(expected));
}

#[test]
fn lists_of_structs_are_as_lenient() {
    let things: Vec<Thing> = parse(br#"[{"NAME":"a"},null,{"name":null}]"#).unwrap();
    assert_eq!(things.len(), 3);
    assert_eq!(things[0].name, "a");
    assert_eq!(things[2], Thing::default());
}

#[test]
fn what_cannot_be_stored_or_does_not_fit_is_refused() {
    let deep = format!("{}{}", r#"{"metadata":{"a":"#, "[".repeat(200));
    for body in [
        "",
        "{",
        "[]",
        r#"["a"]"#,
        "\"text\"",
        "1",
        r#"{"name":1}"#,
        r#"{"name":"a\u0000"}"#,
        r#"{"metadata":{"a\u0000":1}}"#,
        r#"{"name":"\ud800"}"#,
        r#"{"metadata":"text"}"#,
        r#"{"metadata":[1]}"#,
        r#"{"count":256}"#,
        r#"{"count":1e999}"#,
        &deep,
    ] {
        let problem = read(body).expect_err(body);
        assert_eq!(problem.error().code, "json_malformed", "{body}");
    }
    assert!(parse::<Thing>(b"{\"name\":\"\xff\"}").is_err());
}

#[test]
fn a_field_of_the_wrong_type_is_named() {
    let problem = read(r#"{"name":[]}"#).unwrap_err();
    assert!(
        problem.error().message.contains("name: invalid type"),
        "{problem:?}"
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:a\\\\u0-9d]{0,40}") {
        let _ = parse::<Thing>(&bytes);
        let _ = parse::<Vec<Thing>>(text.as_bytes());
    }
}
