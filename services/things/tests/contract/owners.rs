use serde_json::json;
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
            0
        );
        assert_eq!(
            service
                .list_channels(&owner, &filter, TEN)
                .await
                .unwrap()
                .total,
            0
        );
        assert_eq!(service.get_thing(&other, kept.id).await.unwrap(), kept);
        assert_eq!(service.delete_all_of(owner.user).await.unwrap(), 0);
        assert_eq!(changes(&service, before + 8 * 27).await, []);
    }
}

async fn service_latest(service: &things::Service) -> u64 {
    use proto::things::Things;
    service.changes(0).await.unwrap().latest
}
