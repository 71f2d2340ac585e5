use std::sync::Arc;

use model::{Action, Caller, ChannelId, ErrorKind, ThingId};
use proto::things::Things;
use serde_json::json;
use things::model::Connections;
use things::{Error, Service};

use crate::{TEN, changes, details, new_thing, services, somebody};

async fn thing(service: &Service, owner: &Caller) -> ThingId {
    let created = service.create_thing(owner, new_thing("t", None)).await;
    created.unwrap().id
}

async fn channel(service: &Service, owner: &Caller) -> ChannelId {
    let created = service.create_channel(owner, details("c", json!({}))).await;
    created.unwrap().id
}

async fn may(service: &Arc<Service>, thing: ThingId, channel: ChannelId) -> bool {
    let publish = service.authorize(thing, channel, Action::Publish).await;
    let subscribe = service.authorize(thing, channel, Action::Subscribe).await;
    assert_eq!(publish, subscribe);
    match publish {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Forbidden);
            false
        }
    }
}

#[tokio::test]
async fn a_connection_is_the_right_to_talk() {
    for service in services().await {
        let owner = somebody();
        let (t, c) = (
            thing(&service, &owner).await,
            channel(&service, &owner).await,
        );
        assert!(!may(&service, t, c).await);
        let one = Connections::one(c, t);
        service.connect(&owner, &one).await.unwrap();
        service.connect(&owner, &one).await.unwrap();
        assert!(may(&service, t, c).await);
        let things = service.list_things_of(&owner, c, TEN).await.unwrap();
        assert_eq!((things.total, things.items[0].id), (Some(1), t));
        let channels = service.list_channels_of(&owner, t, TEN).await.unwrap();
        assert_eq!((channels.total, channels.items[0].id), (Some(1), c));
        service.disconnect(&owner, &one).await.unwrap();
        assert!(!may(&service, t, c).await);
        let again = service.disconnect(&owner, &one).await;
        assert_eq!(again, Err(Error::ConnectionNotFound));
    }
}

#[tokio::test]
async fn nobody_connects_what_is_somebody_elses() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let (t, c) = (
            thing(&service, &owner).await,
            channel(&service, &owner).await,
        );
        let (t2, c2) = (
            thing(&service, &other).await,
            channel(&service, &other).await,
        );
        for (channel, thing, error) in [
            (c, t2, Error::ThingNotFound),
            (c2, t, Error::ChannelNotFound),
            (c, ThingId::random(), Error::ThingNotFound),
            (ChannelId::random(), t, Error::ChannelNotFound),
        ] {
            let one = Connections::one(channel, thing);
            assert_eq!(service.connect(&owner, &one).await, Err(error));
            assert!(!may(&service, thing, channel).await);
        }
        let one = Connections::one(c, t);
        service.connect(&owner, &one).await.unwrap();
        let foreign = service.disconnect(&other, &one).await;
        assert_eq!(foreign, Err(Error::ConnectionNotFound));
        assert!(may(&service, t, c).await);
        let empty = service.list_things_of(&other, c, TEN).await.unwrap();
        assert_eq!((empty.total, empty.items.len()), (Some(0), 0));
        let empty = service.list_channels_of(&other, t, TEN).await.unwrap();
        assert_eq!((empty.total, empty.items.len()), (Some(0), 0));
    }
}

#[tokio::test]
async fn many_are_connected_or_none() {
    for service in services().await {
        let owner = somebody();
        let t = [thing(&service, &owner).await, thing(&service, &owner).await];
        let c = [
            channel(&service, &owner).await,
            channel(&service, &owner).await,
        ];
        let all = |extra: &[ThingId]| Connections {
            channels: c.to_vec(),
            things: [&t, extra].concat(),
        };
        let before = changes(&service, 0).await.len() as u64;
        let missing = service.connect(&owner, &all(&[ThingId::random()])).await;
        assert_eq!(missing, Err(Error::ThingNotFound));
        assert!(!may(&service, t[0], c[0]).await);
        assert_eq!(changes(&service, before).await, []);
        service.connect(&owner, &all(&[])).await.unwrap();
        for (thing, channel) in [(t[0], c[0]), (t[0], c[1]), (t[1], c[0]), (t[1], c[1])] {
            assert!(may(&service, thing, channel).await);
        }
        let one = Connections::one(c[0], t[0]);
        service.disconnect(&owner, &one).await.unwrap();
        let before = before + 5;
        let missing = service.disconnect(&owner, &all(&[])).await;
        assert_eq!(missing, Err(Error::ConnectionNotFound));
        assert!(may(&service, t[1], c[1]).await);
        assert_eq!(changes(&service, before).await, []);
        service.connect(&owner, &all(&[])).await.unwrap();
        service.disconnect(&owner, &all(&[])).await.unwrap();
        assert!(!may(&service, t[1], c[1]).await);
    }
}

#[tokio::test]
async fn what_is_deleted_is_not_connected() {
    for service in services().await {
        let owner = somebody();
        let (t, c) = (
            thing(&service, &owner).await,
            channel(&service, &owner).await,
        );
        let (t2, c2) = (
            thing(&service, &owner).await,
            channel(&service, &owner).await,
        );
        let all = Connections {
            channels: vec![c, c2],
            things: vec![t, t2],
        };
        service.connect(&owner, &all).await.unwrap();
        service.delete_thing(&owner, t).await.unwrap();
        service.delete_channel(&owner, c).await.unwrap();
        assert!(!may(&service, t, c2).await && !may(&service, t2, c).await);
        assert!(may(&service, t2, c2).await);
    }
}
