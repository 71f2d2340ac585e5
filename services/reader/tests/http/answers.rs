use senml::Value;
use serde_json::json;

use crate::{KEY, Site, T};

#[tokio::test]
async fn the_page_of_0_9() {
    let site = Site::new().await;
    site.write(&[
        site.number("t", 21.5, 2.25),
        site.number("whole", 21.0, 2.0),
        site.entry("text", Value::Text("<on>".to_owned()), 1.0),
        site.entry("yes", Value::Bool(false), 0.5),
        site.entry("data", Value::Data("AQ".to_owned()), 0.25),
        site.raw(b"\xffraw", 0.0),
    ])
    .await;
    let answer = site.get("").await;
    assert_eq!(answer.content_type, "application/json");
    let (channel, publisher) = (site.channel.to_string(), site.thing.to_string());
    let message = |fields: serde_json::Value| {
        let mut message = json!({"channel": channel, "subtopic": "room.1", "publisher": publisher, "protocol": "mqtt"});
        message
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().cloned().unwrap());
        message
    };
    assert_eq!(
        answer.json(),
        json!({"total": 6, "offset": 0, "limit": 10, "messages": [
            message(json!({"name": "t", "unit": "Cel", "value": 21.5, "time": T + 2.25})),
            message(json!({"name": "whole", "unit": "Cel", "value": 21, "time": 1_700_000_002})),
            message(json!({"name": "text", "unit": "Cel", "stringValue": "<on>", "time": 1_700_000_001})),
            message(json!({"name": "yes", "unit": "Cel", "boolValue": false, "time": T + 0.5})),
            message(json!({"name": "data", "unit": "Cel", "dataValue": "AQ", "time": T + 0.25})),
            message(json!({"contentType": "text/plain", "payload": "/3Jhdw==", "reason": "not a pack", "time": 1_700_000_000})),
        ]})
    );
    assert!(
        answer.body.contains("\"value\":21,"),
        "a whole number has no fraction, as in 0.9"
    );
    let empty = Site::new().await;
    let answer = empty.get("").await;
    assert_eq!(
        answer.json(),
        json!({"total": 0, "offset": 0, "limit": 10, "messages": []})
    );
}

#[tokio::test]
async fn pages_lead_to_each_other() {
    let site = Site::new().await;
    let entries: Vec<_> = (0..5)
        .map(|n| site.number("t", f64::from(n), f64::from(n)))
        .collect();
    site.write(&entries).await;
    let first = site.get("?limit=2&name=t").await;
    assert_eq!(first.json()["total"], 5);
    assert_eq!(first.each("value"), [4, 3]);
    let query = first
        .link
        .strip_prefix('<')
        .unwrap()
        .strip_suffix(">; rel=\"next\"")
        .unwrap();
    let second = site.get(query).await;
    assert_eq!(second.each("value"), [2, 1]);
    assert_eq!(second.json()["total"], serde_json::Value::Null);
    let next = second.json()["next"].as_str().unwrap().to_owned();
    let last = site.get(&format!("?limit=2&cursor={next}")).await;
    assert_eq!(last.each("value"), [0]);
    assert_eq!(
        (last.link.as_str(), &last.json()["next"]),
        ("", &serde_json::Value::Null)
    );
    assert_eq!(site.get("?offset=3").await.each("value"), [1, 0]);
}

#[tokio::test]
async fn the_same_as_senml_and_as_csv() {
    let site = Site::new().await;
    site.write(&[
        site.number("t", 21.5, 1.0),
        site.entry("text", Value::Text("a,\"b\"\n".to_owned()), 0.0),
        site.raw(b"x", -1.0),
    ])
    .await;
    let senml = site.get("?format=senml").await;
    assert_eq!(senml.content_type, "application/senml+json");
    assert_eq!(
        senml.json(),
        json!([
            {"n": "t", "u": "Cel", "t": T + 1.0, "v": 21.5},
            {"n": "text", "u": "Cel", "t": T, "vs": "a,\"b\"\n"},
        ])
    );
    let csv = site.get("?format=csv&raw=false").await;
    assert_eq!(csv.content_type, "text/csv; charset=utf-8");
    let (channel, thing) = (site.channel, site.thing);
    assert_eq!(
        csv.body,
        format!(
            "time,channel,subtopic,publisher,protocol,name,unit,value,stringValue,boolValue,dataValue,valueSum,updateTime,link,contentType,payload,reason\n\
            1700000001,{channel},room.1,{thing},mqtt,t,Cel,21.5,,,,,,,,,\n\
            1700000000,{channel},room.1,{thing},mqtt,text,Cel,,\"a,\"\"b\"\"\n\",,,,,,,,\n"
        )
    );
    let raw = site.get("?format=csv&raw=true").await;
    assert!(
        raw.body.ends_with("text/plain,eA==,not a pack\n"),
        "{}",
        raw.body
    );
}

#[tokio::test]
async fn aggregates_over_intervals() {
    let site = Site::new().await;
    let numbers = [(1.0, 0.0), (2.0, 30.0), (6.0, 60.0), (4.0, 100.0)];
    let mut entries: Vec<_> = numbers
        .iter()
        .map(|(v, s)| site.number("t", *v, *s))
        .collect();
    entries.push(site.number("other", 100.0, 0.0));
    site.write(&entries).await;
    for (name, expected) in [
        ("min", [4, 1]),
        ("max", [4, 6]),
        ("avg", [4, 3]),
        ("sum", [4, 9]),
        ("count", [1, 3]),
    ] {
        let query = format!("?name=t&aggregation={name}&interval=100s");
        let answer = site.get(&query).await;
        assert_eq!(answer.each("value"), expected, "{name}");
        assert_eq!(answer.each("time"), [1_700_000_100, 1_700_000_000]);
        assert_eq!(answer.json()["total"], 2);
        let unit = if name == "count" {
            json!(null)
        } else {
            json!("Cel")
        };
        assert_eq!(answer.each("unit")[0], unit);
    }
    let page = site
        .get("?name=t&aggregation=max&interval=100&limit=1")
        .await;
    assert_eq!(page.each("value"), [4]);
    let next = page.json()["next"].as_str().unwrap().to_owned();
    let page = site
        .get(&format!(
            "?name=t&aggregation=max&interval=100&limit=1&cursor={next}"
        ))
        .await;
    assert_eq!(page.each("value"), [6]);
    let whole = site.get("?name=t&aggregation=count").await;
    assert_eq!(whole.each("value"), [4]);
    let senml = site
        .get("?name=t&aggregation=avg&interval=100s&format=senml")
        .await;
    assert_eq!(
        senml.json()[1],
        json!({"n": "t", "u": "Cel", "t": T, "v": 3.0})
    );
}

#[tokio::test]
async fn w33_the_version_names_the_reader() {
    let answer = Site::new().await.ask("/version", KEY).await;
    assert_eq!(answer.json()["service"], "postgres-reader");
}
