//! Whatever may be said about a thing comes back as it was, and is found, on every database.

use ::things::model::{Details, Filter, Metadata, Name, NewThing};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::{TEN, services, somebody};

/// Texts of all planes, without what is refused anyway.
fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..12).prop_map(|chars| {
        let printable = chars.into_iter().filter(|char| !char.is_control());
        printable.collect()
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::vec((text(), value), 0..4).prop_map(Map::from_iter)
}

#[tokio::test]
async fn whatever_is_kept_is_found_by_itself() {
    let mut runner = TestRunner::deterministic();
    let cases: Vec<_> = (0..64)
        .map(|_| {
            let case = (text(), object(value())).new_tree(&mut runner);
            case.unwrap().current()
        })
        .chain([
            ("\u{202e}\u{1f980}ÄẞİıΣς".to_owned(), extreme()),
            ("'; DROP TABLE things; --".to_owned(), Map::new()),
        ])
        .collect();
    for service in services().await {
        let owner = somebody();
        for (name, object) in &cases {
            let metadata = Metadata::parse(Some(object.clone().into()), service.limits()).unwrap();
            let details = Details {
                name: Name::parse(name.clone()).unwrap(),
                metadata,
            };
            let new = NewThing { key: None, details };
            let thing = service.create_thing(&owner, new).await.unwrap();
            let kept = service.get_thing(&owner, thing.id).await.unwrap();
            assert_eq!(kept.details.name, thing.details.name);
            let filter = Value::from(object.clone()).to_string();
            let filter = Filter::of_metadata(Some(&filter), service.limits()).unwrap();
            let filter = filter.named(name).unwrap();
            let page = service.list_things(&owner, &filter, TEN).await.unwrap();
            assert!(page.total > Some(0), "{name:?} {object:?}");
            let deleted = service.delete_thing(&owner, thing.id).await;
            deleted.unwrap();
        }
    }
}

fn extreme() -> Map<String, Value> {
    let object = json!({
        "\u{1}": "\u{7f}\u{feff}\u{fffe}\u{10ffff}\\u0000",
        "": [1e308, 5e-324, -0.0, u64::MAX, i64::MIN, 0.1, 1.0],
    });
    object.as_object().unwrap().clone()
}
