use model::ChannelId;
use serde_json::json;
use things::Error;
use things::model::Filter;

use crate::{TEN, details, part, services, somebody};

#[tokio::test]
async fn a_channel_is_its_owners() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let (old, new) = (details("old", json!({"a": 1})), details("new", json!({})));
        let channel = service.create_channel(&owner, old.clone()).await.unwrap();
        let read = async || service.get_channel(&owner, channel.id).await;
        assert_eq!(read().await.unwrap(), channel);
        for (caller, id) in [(&other, channel.id), (&owner, ChannelId::random())] {
            let missing = Err(Error::ChannelNotFound);
            assert_eq!(service.get_channel(caller, id).await, missing);
            let updated = service.update_channel(caller, id, &new).await;
            assert_eq!(updated, Err(Error::ChannelNotFound));
            service.delete_channel(caller, id).await.unwrap();
        }
        assert_eq!(read().await.unwrap().details, old);
        service
            .update_channel(&owner, channel.id, &new)
            .await
            .unwrap();
        assert_eq!(read().await.unwrap().details, new);
        service.delete_channel(&owner, channel.id).await.unwrap();
        assert_eq!(read().await, Err(Error::ChannelNotFound));
    }
}

#[tokio::test]
async fn many_are_created_and_listed() {
    for service in services().await {
        let owner = somebody();
        let new = ["a", "b", "c"].map(|name| details(name, json!({"n": name})));
        let created = service.create_channels(&owner, new.to_vec()).await.unwrap();
        let limits = *service.limits();
        let filter = Filter::of_metadata(Some(r#"{"n":"b"}"#), &limits)
            .unwrap()
            .named("B")
            .unwrap();
        let page = service.list_channels(&owner, &filter, TEN).await.unwrap();
        assert_eq!((page.total, &page.items[0]), (Some(1), &created[1]));
        let query = part(u64::MAX, 100);
        let page = service
            .list_channels(&owner, &Filter::default(), query)
            .await
            .unwrap();
        assert_eq!((page.total, page.items.len()), (Some(3), 0));
        for count in [0, 21] {
            let new = vec![details("f", json!({})); count];
            let created = service.create_channels(&owner, new).await;
            assert_eq!(created, Err(Error::ListLength(20)));
        }
    }
}
