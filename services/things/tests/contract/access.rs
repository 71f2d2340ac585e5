use model::{ChannelId, Credentials, ErrorKind, Secret, ThingId};
use proto::things::Things;
use serde_json::{Map, Value, json};
use things::model::{Details, Key};

use crate::{details, new_thing, services, somebody};

fn key(text: &str) -> Credentials {
    Credentials::Key(Secret::from(text))
}

#[tokio::test]
async fn a_key_says_which_thing_it_is() {
    for service in services().await {
        let owner = somebody();
        let new = new_thing("t", Some("k"));
        let thing = service.create_thing(&owner, new).await.unwrap().id;
        assert_eq!(service.authenticate(&key("k")).await, Ok(thing));
        let pair = |id| Credentials::Pair(id, Secret::from("k"));
        assert_eq!(service.authenticate(&pair(thing)).await, Ok(thing));
        let stranger = pair(ThingId::random());
        let long = "k".repeat(100_000);
        for wrong in [
            key(""),
            key("K"),
            key("k "),
            key("k\0"),
            key(&long),
            stranger,
        ] {
            let error = service.authenticate(&wrong).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthenticated);
        }
    }
}

#[tokio::test]
async fn a_channel_is_its_owners_and_its_metadata_is_for_every_role() {
    for service in services().await {
        let (owner, metadata) = (somebody(), json!({"history": {"json": true}}));
        let details = details("c", metadata.clone());
        let channel = service.create_channel(&owner, details).await.unwrap().id;
        let told = service.channel_metadata(channel).await.unwrap();
        assert_eq!(Value::Object(told), metadata);
        let plain = service.create_channel(&owner, Details::default()).await;
        let told = service.channel_metadata(plain.unwrap().id).await;
        assert_eq!(told, Ok(Map::new()));
        let nowhere = service.channel_metadata(ChannelId::random()).await;
        assert_eq!(nowhere.unwrap_err().kind, ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn w5_a_replaced_key_and_that_of_a_deleted_thing_are_void_at_once() {
    for service in services().await {
        let owner = somebody();
        let new = new_thing("t", Some("old"));
        let thing = service.create_thing(&owner, new).await.unwrap().id;
        let next = Key::parse("new").unwrap();
        service.update_key(&owner, thing, &next).await.unwrap();
        assert!(service.authenticate(&key("old")).await.is_err());
        assert_eq!(service.authenticate(&key("new")).await, Ok(thing));
        service.delete_thing(&owner, thing).await.unwrap();
        assert!(service.authenticate(&key("old")).await.is_err());
        assert!(service.authenticate(&key("new")).await.is_err());
    }
}
