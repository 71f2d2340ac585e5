use std::collections::BTreeSet;

use model::ThingId;
use serde_json::json;
use things::Error;
use things::model::{Details, Filter, Key, NewThing};

use crate::{TEN, details, new_thing, part, services, somebody};

#[tokio::test]
async fn a_thing_is_its_owners() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let new = NewThing {
            key: Some(Key::parse("my key").unwrap()),
            details: details("boiler", json!({"b": [1, {"c": null}], "a": 1.5})),
        };
        let thing = service.create_thing(&owner, new.clone()).await.unwrap();
        assert_eq!(thing.details, new.details);
        assert_eq!(service.get_thing(&owner, thing.id).await.unwrap(), thing);
        for (caller, id) in [(&other, thing.id), (&owner, ThingId::random())] {
            let missing = Err(Error::ThingNotFound);
            assert_eq!(service.get_thing(caller, id).await, missing);
            let details = details("mine", json!({}));
            let updated = service.update_thing(caller, id, &details).await;
            assert_eq!(updated, Err(Error::ThingNotFound));
            let updated = service.update_key(caller, id, &Key::random()).await;
            assert_eq!(updated, Err(Error::ThingNotFound));
            service.delete_thing(caller, id).await.unwrap();
        }
        assert_eq!(service.get_thing(&owner, thing.id).await.unwrap(), thing);
    }
}

#[tokio::test]
async fn an_update_replaces_everything_but_the_key() {
    for service in services().await {
        let owner = somebody();
        let thing = service
            .create_thing(&owner, new_thing("old", None))
            .await
            .unwrap();
        let new = details("new", json!({"x": true}));
        service.update_thing(&owner, thing.id, &new).await.unwrap();
        let read = service.get_thing(&owner, thing.id).await.unwrap();
        assert_eq!((&read.details, &read.key), (&new, &thing.key));
        let nothing = Details::default();
        service
            .update_thing(&owner, thing.id, &nothing)
            .await
            .unwrap();
        let read = service.get_thing(&owner, thing.id).await.unwrap();
        assert_eq!(read.details, nothing);
    }
}

#[tokio::test]
async fn a_key_is_one_things_whoever_owns_it() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let key = || Some("the key");
        let first = service
            .create_thing(&owner, new_thing("first", key()))
            .await
            .unwrap();
        let taken = service.create_thing(&other, new_thing("second", key()));
        assert_eq!(taken.await, Err(Error::KeyTaken));
        let second = service
            .create_thing(&other, new_thing("second", None))
            .await
            .unwrap();
        let taken = service.update_key(&other, second.id, &first.key).await;
        assert_eq!(taken, Err(Error::KeyTaken));
        service
            .update_key(&owner, first.id, &first.key)
            .await
            .unwrap();
        service.delete_thing(&owner, first.id).await.unwrap();
        service
            .update_key(&other, second.id, &first.key)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn many_are_created_or_none() {
    for service in services().await {
        let owner = somebody();
        let new = vec![new_thing("a", Some("k1")), new_thing("b", None)];
        let created = service.create_things(&owner, new).await.unwrap();
        assert_eq!(created.len(), 2);
        for twice in ["k1", "k2"] {
            let new = vec![
                new_thing("c", None),
                new_thing("d", Some("k2")),
                new_thing("e", Some(twice)),
            ];
            let created = service.create_things(&owner, new).await;
            assert_eq!(created, Err(Error::KeyTaken));
        }
        let all = service.list_things(&owner, &Filter::default(), TEN).await;
        assert_eq!(all.unwrap().total, Some(2));
        for count in [0, 21] {
            let new = vec![new_thing("f", None); count];
            let created = service.create_things(&owner, new).await;
            assert_eq!(created, Err(Error::ListLength(20)));
        }
    }
}

#[tokio::test]
async fn pages_cover_the_list_once_in_order() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        for index in 0..7 {
            let new = new_thing(&format!("t{index}"), None);
            service.create_thing(&owner, new.clone()).await.unwrap();
            service.create_thing(&other, new).await.unwrap();
        }
        let mut seen = Vec::new();
        for offset in [0, 3, 6, 9] {
            let query = part(offset, 3);
            let page = service
                .list_things(&owner, &Filter::default(), query)
                .await
                .unwrap();
            assert_eq!(page.total, Some(7));
            seen.extend(page.items.into_iter().map(|thing| thing.id));
        }
        assert!(seen.is_sorted());
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
        for offset in [i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
            let query = part(offset, 3);
            let page = service
                .list_things(&owner, &Filter::default(), query)
                .await
                .unwrap();
            assert_eq!((page.total, page.items.len()), (Some(7), 0), "{offset}");
        }
    }
}

#[tokio::test]
async fn w29_filters_count_what_they_choose_and_know_no_wildcards() {
    for service in services().await {
        let owner = somebody();
        for (name, metadata) in [
            ("100% of A,b", json!({"serial": "1", "tags": ["x", "y"]})),
            ("1000 of ÄB", json!({"serial": "2", "at": {"room": 7}})),
            ("a_b", json!(null)),
            ("axb", json!({"serial": "1"})),
        ] {
            let details = details(name, metadata);
            let new = NewThing { key: None, details };
            service.create_thing(&owner, new).await.unwrap();
        }
        let limits = *service.limits();
        let found = async |name: &str, metadata: &str| {
            let filter = Filter::of_metadata(Some(metadata), &limits)
                .unwrap()
                .named(name)
                .unwrap();
            let page = service.list_things(&owner, &filter, TEN).await.unwrap();
            assert_eq!(page.total, Some(page.items.len() as u64));
            let names = page.items.iter().map(|thing| thing.details.name.as_str());
            names.map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(found("%", "{}").await, set(&["100% of A,b"]));
        assert_eq!(found("A_B", "{}").await, set(&["a_b"]));
        assert_eq!(found("a,B", "{}").await, set(&["100% of A,b"]));
        assert_eq!(found("äb", "{}").await, set(&["1000 of ÄB"]));
        assert_eq!(
            found("", r#"{"serial":"1"}"#).await,
            set(&["100% of A,b", "axb"])
        );
        assert_eq!(found("x", r#"{"serial":"1"}"#).await, set(&["axb"]));
        assert_eq!(
            found("", r#"{"serial":"1","tags":["y"]}"#).await,
            set(&["100% of A,b"])
        );
        assert_eq!(
            found("", r#"{"at":{"room":7}}"#).await,
            set(&["1000 of ÄB"])
        );
        assert_eq!(found("", r#"{"at":{"room":8}}"#).await, set(&[]));
    }
}
