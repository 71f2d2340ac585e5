use serde_json::json;
use things::Error;
use things::model::{Connections, Filter};

use crate::{TEN, changes, details, new_thing, services, somebody};

#[tokio::test]
async fn a_deleted_user_leaves_nothing_and_others_keep_theirs() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        for _ in 0..8 {
            let things = vec![new_thing("t", None); 20];
            let things = service.create_things(&owner, things).await.unwrap();
            let channels = vec![details("c", json!({})); 7];
            let channels = service.create_channels(&owner, channels).await.unwrap();
            let one = Connections::one(channels[0].id, things[0].id);
            service.connect(&owner, &one).await.unwrap();
        }
        let kept = service
            .create_thing(&other, new_thing("t", None))
            .await
            .unwrap();
        let before = service_latest(&service).await;
        assert_eq!(service.delete_all_of(owner.user).await.unwrap(), 8 * 27);
        let removed = changes(&service, before).await;
        assert_eq!(removed.len(), 8 * 27);
        let filter = Filter::default();
        assert_eq!(
            service
                .list_things(&owner, &filter, TEN)
                .await
                .unwrap()
                .total,
            Some(0)
        );
        assert_eq!(
            service
                .list_channels(&owner, &filter, TEN)
                .await
                .unwrap()
                .total,
            Some(0)
        );
        assert_eq!(service.get_thing(&other, kept.id).await.unwrap(), kept);
        assert_eq!(service.delete_all_of(owner.user).await.unwrap(), 0);
        assert_eq!(changes(&service, before + 8 * 27).await, []);
    }
}

#[tokio::test]
async fn nothing_is_created_for_a_deleted_user() {
    for service in services().await {
        let owner = somebody();
        service.delete_all_of(owner.user).await.unwrap();
        let thing = service.create_thing(&owner, new_thing("t", None)).await;
        assert_eq!(thing, Err(Error::OwnerRemoved));
        let channel = service
            .create_channel(&owner, details("c", json!({})))
            .await;
        assert_eq!(channel, Err(Error::OwnerRemoved));
        assert_eq!(changes(&service, 0).await, []);
    }
}

/// Whatever the order of commits is, a request that is under way while its user is deleted leaves nothing.
#[tokio::test]
async fn what_is_under_way_when_a_user_is_deleted_goes_too() {
    for service in services().await {
        let owner = somebody();
        let create = async |_| {
            let things = vec![new_thing("t", None); 20];
            service.create_things(&owner, things).await.map(drop)
        };
        let created = futures_util::future::join_all((0..10).map(create));
        let (created, deleted) = tokio::join!(created, service.delete_all_of(owner.user));
        deleted.unwrap();
        for result in created {
            assert!(
                matches!(result, Ok(()) | Err(Error::OwnerRemoved)),
                "{result:?}"
            );
        }
        let page = service.list_things(&owner, &Filter::default(), TEN).await;
        assert_eq!(page.unwrap().total, Some(0));
    }
}

async fn service_latest(service: &things::Service) -> u64 {
    use proto::things::Things;
    service.changes(0).await.unwrap().latest
}
