use model::{ChannelId, ThingId};
use proto::Change;
use proto::things::Things;
use serde_json::json;
use things::Error;

use crate::{changes, details, new_thing, services, somebody};

#[tokio::test]
async fn a_default_channel_is_set_by_the_owner_of_both_and_goes_with_the_channel() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let thing = service.create_thing(&owner, new_thing("t", None)).await;
        let id = thing.unwrap().id;
        let channel = service
            .create_channel(&owner, details("c", json!({})))
            .await;
        let channel = channel.unwrap().id;
        let theirs = service
            .create_channel(&other, details("c", json!({})))
            .await;
        let theirs = theirs.unwrap().id;
        for (caller, id, channel, refused) in [
            (&other, id, theirs, Error::ThingNotFound),
            (&owner, ThingId::random(), channel, Error::ThingNotFound),
            (&owner, id, theirs, Error::ChannelNotFound),
            (&owner, id, ChannelId::random(), Error::ChannelNotFound),
        ] {
            let set = service.set_default_channel(caller, id, Some(channel)).await;
            assert_eq!(set, Err(refused));
        }
        assert_eq!(service.default_channel(id).await, Ok(None));
        let since = changes(&service, 0).await.len() as u64;
        for default in [Some(channel), None, Some(channel)] {
            service
                .set_default_channel(&owner, id, default)
                .await
                .unwrap();
            assert_eq!(service.default_channel(id).await, Ok(default));
            let read = service.get_thing(&owner, id).await.unwrap();
            assert_eq!(read.default_channel, default);
        }
        let changed = |channel| Change::DefaultChannelChanged { id, channel };
        assert_eq!(
            changes(&service, since).await,
            [
                changed(Some(channel)),
                changed(None),
                changed(Some(channel))
            ]
        );
        service.delete_channel(&owner, channel).await.unwrap();
        assert_eq!(service.default_channel(id).await, Ok(None));
        assert_eq!(service.default_channel(ThingId::random()).await, Ok(None));
    }
}
