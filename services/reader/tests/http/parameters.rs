use http::StatusCode;
use senml::Value;

use crate::{Site, T};

#[tokio::test]
async fn w29_each_filter_chooses_and_counts() {
    let site = Site::new().await;
    let mut first = site.number("a,b", 5.0, 3.0);
    first.subtopic = "x.y".to_owned();
    first.protocol = "http".to_owned();
    let text = site.entry("text", Value::Text("on,off".to_owned()), 2.0);
    let yes = site.entry("yes", Value::Bool(true), 1.0);
    let data = site.entry("data", Value::Data("AQ".to_owned()), 0.5);
    site.write(&[first, text, yes, data, site.raw(b"x", 0.0)])
        .await;
    let thing = site.thing;
    for (query, count) in [
        (String::new(), 5),
        ("?subtopic=x.y".to_owned(), 1),
        ("?subtopic=x/y".to_owned(), 1),
        ("?subtopic=x%2Fy".to_owned(), 1),
        ("?subtopic=x".to_owned(), 0),
        ("?subtopic=room.1".to_owned(), 4),
        (format!("?publisher={thing}"), 5),
        ("?protocol=http".to_owned(), 1),
        ("?name=a,b".to_owned(), 1),
        ("?name=a%2Cb".to_owned(), 1),
        ("?v=5".to_owned(), 1),
        ("?value=5".to_owned(), 1),
        ("?v=5&comparator=lt".to_owned(), 0),
        ("?v=5&comparator=le".to_owned(), 1),
        ("?v=4.5&comparator=gt".to_owned(), 1),
        ("?v=5&comparator=ge".to_owned(), 1),
        ("?vs=on,off".to_owned(), 1),
        ("?vb=true".to_owned(), 1),
        ("?vb=false".to_owned(), 0),
        ("?vd=AQ".to_owned(), 1),
        ("?raw=true".to_owned(), 1),
        ("?raw=false".to_owned(), 4),
        (format!("?from={}&to={}", T + 1.0, T + 3.0), 2),
        (format!("?from={:e}", T + 1.0), 3),
        ("?unknown=1".to_owned(), 5),
    ] {
        let answer = site.get(&query).await;
        assert_eq!(answer.each("channel").len(), count, "{query}");
        assert_eq!(answer.json()["total"], count, "{query}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_hint() {
    let site = Site::new().await;
    for (query, code) in [
        ("?limit=0", "limit_out_of_range"),
        ("?limit=1001", "limit_out_of_range"),
        ("?limit=x", "parameter_malformed"),
        ("?offset=-1", "parameter_malformed"),
        ("?name=a&name=b", "parameter_repeated"),
        ("?publisher=x", "id_malformed"),
        ("?subtopic=a%20b", "subtopic_malformed"),
        ("?v=x", "parameter_malformed"),
        ("?v=NaN", "parameter_malformed"),
        ("?v=1&value=1", "parameter_malformed"),
        ("?v=1&comparator=ne", "parameter_malformed"),
        ("?comparator=lt", "comparator_alone"),
        ("?vb=yes", "parameter_malformed"),
        ("?raw=2", "parameter_malformed"),
        ("?from=yesterday", "parameter_malformed"),
        ("?to=inf", "parameter_malformed"),
        ("?cursor=x", "parameter_malformed"),
        ("?aggregation=median", "parameter_malformed"),
        ("?interval=1h", "interval_alone"),
        ("?aggregation=avg&interval=0", "parameter_malformed"),
        ("?aggregation=avg&interval=x", "parameter_malformed"),
        ("?format=xml", "parameter_malformed"),
        ("?format=senml&raw=true", "raw_is_not_senml"),
        ("?name=%00", "parameter_malformed"),
    ] {
        let answer = site.get(query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.code(), code, "{query}");
        assert_eq!(answer.content_type, "application/problem+json");
    }
}
