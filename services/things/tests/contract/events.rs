use proto::Change;
use serde_json::json;
use things::model::{Connections, Fingerprint, Key};
use things::{NewCertificate, Service};

use crate::{changes, details, new_thing, services, somebody};

#[tokio::test]
async fn w44_every_change_leaves_its_event_in_order() {
    for service in services().await {
        let owner = somebody();
        let thing = service.create_thing(&owner, new_thing("t", None)).await;
        let id = thing.unwrap().id;
        let new = details("c", json!({"a": 1}));
        let channel = service
            .create_channel(&owner, new.clone())
            .await
            .unwrap()
            .id;
        let one = Connections::one(channel, id);
        service.connect(&owner, &one).await.unwrap();
        service.connect(&owner, &one).await.unwrap();
        service.update_thing(&owner, id, &new).await.unwrap();
        service
            .update_key(&owner, id, &Key::random())
            .await
            .unwrap();
        service.update_channel(&owner, channel, &new).await.unwrap();
        service.disconnect(&owner, &one).await.unwrap();
        service.delete_channel(&owner, channel).await.unwrap();
        service.delete_thing(&owner, id).await.unwrap();
        let expected = [
            "thing.create",
            "channel.create",
            "thing.connect",
            "thing.update",
            "thing.update_key",
            "channel.update",
            "thing.disconnect",
            "channel.remove",
            "thing.remove",
        ];
        assert_eq!(operations(&service, 0).await, expected);
    }
}

#[tokio::test]
async fn changes_of_certificates_leave_their_events() {
    for service in services().await {
        let owner = somebody();
        let thing = service.create_thing(&owner, new_thing("t", None)).await;
        let id = thing.unwrap().id;
        let sha256 = Fingerprint::from([7; 32]);
        let certificate = NewCertificate::Sha256(sha256);
        service
            .create_certificate(&owner, id, &certificate)
            .await
            .unwrap();
        for _ in 0..2 {
            service
                .revoke_certificate(&owner, id, sha256)
                .await
                .unwrap();
        }
        service
            .delete_certificate(&owner, id, sha256)
            .await
            .unwrap();
        let expected = ["thing.add_cert", "thing.remove_cert", "thing.remove_cert"];
        assert_eq!(operations(&service, 1).await, expected);
    }
}

async fn operations(service: &Service, since: u64) -> Vec<&'static str> {
    let changes = changes(service, since).await;
    changes.iter().map(Change::operation).collect()
}

#[tokio::test]
async fn events_carry_what_they_did_in_0_9() {
    for service in services().await {
        let owner = somebody();
        let new = details("c", json!({"a": 1}));
        let channel = service.create_channel(&owner, new).await.unwrap().id;
        let thing = service.create_thing(&owner, new_thing("t", None)).await;
        let thing = thing.unwrap().id;
        service
            .connect(&owner, &Connections::one(channel, thing))
            .await
            .unwrap();
        let owner = owner.user;
        let (name, metadata) = ("c".to_owned(), Some(json!({"a": 1})));
        let channel_created = Change::ChannelCreated {
            id: channel,
            owner,
            name,
            metadata,
        };
        let (name, metadata) = ("t".to_owned(), None);
        let thing_created = Change::ThingCreated {
            id: thing,
            owner,
            name,
            metadata,
        };
        let connected = Change::Connected {
            chan_id: channel,
            thing_id: thing,
        };
        assert_eq!(
            changes(&service, 0).await,
            [channel_created, thing_created, connected]
        );
    }
}

#[tokio::test]
async fn w6_what_did_not_happen_leaves_no_event() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let thing = service
            .create_thing(&owner, new_thing("t", Some("k")))
            .await
            .unwrap()
            .id;
        let channel = service
            .create_channel(&owner, details("c", json!({})))
            .await
            .unwrap()
            .id;
        service.delete_thing(&other, thing).await.unwrap();
        service.delete_channel(&other, channel).await.unwrap();
        service
            .create_thing(&other, new_thing("t", Some("k")))
            .await
            .unwrap_err();
        service
            .connect(&other, &Connections::one(channel, thing))
            .await
            .unwrap_err();
        assert_eq!(changes(&service, 2).await, []);
        assert!(service.get_thing(&owner, thing).await.is_ok());
        assert!(service.get_channel(&owner, channel).await.is_ok());
    }
}

#[tokio::test]
async fn whoever_relays_events_is_woken() {
    for service in services().await {
        let wake = service.wake();
        let owner = somebody();
        service
            .create_thing(&owner, new_thing("t", None))
            .await
            .unwrap();
        let deadline = std::time::Duration::from_secs(5);
        tokio::time::timeout(deadline, wake.notified())
            .await
            .unwrap();
    }
}
