use std::sync::Arc;
use std::time::Duration;

use messaging::Bus;
use model::{Caller, Timestamp};
use proto::{Change, Event};
use serde_json::json;
use things::model::Filter;
use things::{Service, user_events};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{TEN, details, new_thing, services, somebody};

const DEADLINE: Duration = Duration::from_secs(20);

async fn owner(service: &Service) -> Caller {
    let owner = somebody();
    let new = new_thing("t", None);
    service.create_thing(&owner, new).await.unwrap();
    let new = details("c", json!({}));
    service.create_channel(&owner, new).await.unwrap();
    owner
}

async fn count(service: &Service, owner: &Caller) -> u64 {
    let filter = Filter::default();
    let things = service.list_things(owner, &filter, TEN).await.unwrap();
    let channels = service.list_channels(owner, &filter, TEN).await.unwrap();
    things.total.unwrap() + channels.total.unwrap()
}

/// Tells again and again that a user is gone, until somebody has acted on it: whoever follows may start late.
async fn remove(service: &Service, events: &dyn Bus<Event>, owner: &Caller) {
    let told = async {
        for number in 1.. {
            let event = Event {
                source: "users".to_owned(),
                number,
                at: Timestamp::now(),
                change: Change::UserRemoved { id: owner.user },
            };
            events.publish(Arc::new(event)).await.unwrap();
            if count(service, owner).await == 0 {
                break;
            }
        }
    };
    timeout(DEADLINE, told).await.unwrap();
}

#[tokio::test]
async fn what_a_deleted_user_had_is_deleted() {
    for service in services().await {
        let dir = tempfile::tempdir().unwrap();
        let config = messaging::Config::in_process(dir.path());
        let (buses, _driver) = messaging::open(&config).await.unwrap();
        let (gone, kept) = (owner(&service).await, owner(&service).await);
        let stop = CancellationToken::new();
        let follow = user_events(service.clone(), buses.events.clone(), stop.clone());
        let work = async {
            remove(&service, buses.events.as_ref(), &gone).await;
            stop.cancel();
        };
        let (followed, ()) = tokio::join!(follow, work);
        followed.unwrap();
        assert_eq!(count(&service, &kept).await, 2);
    }
}

#[tokio::test]
async fn another_replica_takes_over() {
    for service in services().await {
        let dir = tempfile::tempdir().unwrap();
        let config = messaging::Config::in_process(dir.path());
        let (buses, _driver) = messaging::open(&config).await.unwrap();
        let (first, second) = (owner(&service).await, owner(&service).await);
        let (stop, stop_all) = (CancellationToken::new(), CancellationToken::new());
        let follow = |stop: &CancellationToken| {
            user_events(service.clone(), buses.events.clone(), stop.clone())
        };
        let work = async {
            remove(&service, buses.events.as_ref(), &first).await;
            stop.cancel();
            remove(&service, buses.events.as_ref(), &second).await;
            stop_all.cancel();
        };
        let (one, other, ()) = tokio::join!(follow(&stop), follow(&stop_all), work);
        one.and(other).unwrap();
    }
}
