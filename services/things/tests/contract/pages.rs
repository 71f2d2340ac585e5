//! Parts of long lists: by offset, and by going on where the last one ended.

use std::collections::BTreeSet;

use model::{Caller, PageQuery, ThingId};
use serde_json::json;
use things::Service;
use things::model::{Connections, Filter, NewThing};
use uuid::Uuid;

use crate::{databases, details, new_thing, open, part, services, somebody};

/// Creates things, whose ids are returned in order.
async fn fill(service: &Service, owner: &Caller, count: usize) -> Vec<ThingId> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let new = vec![new_thing("t", None); 20.min(count - ids.len())];
        let created = service.create_things(owner, new).await.unwrap();
        ids.extend(created.iter().map(|thing| thing.id));
    }
    ids.sort_unstable();
    ids
}

async fn list(service: &Service, owner: &Caller, query: PageQuery) -> (Option<u64>, Vec<ThingId>) {
    let page = service.list_things(owner, &Filter::default(), query).await;
    let page = page.unwrap();
    let ids = page.items.iter().map(|thing| thing.id).collect();
    (page.total, ids)
}

/// Follows a list to its end.
async fn walk(service: &Service, owner: &Caller, filter: &Filter, limit: u64) -> Vec<ThingId> {
    let (mut ids, mut query) = (Vec::new(), part(0, limit));
    loop {
        let page = service.list_things(owner, filter, query).await.unwrap();
        assert_eq!(page.total.is_some(), query.after.is_none());
        ids.extend(page.items.iter().map(|thing| thing.id));
        assert!(page.next.is_none() || page.items.len() as u64 == limit);
        query.after = page.next;
        if query.after.is_none() {
            return ids;
        }
    }
}

#[tokio::test]
async fn every_offset_is_where_the_walk_comes_by() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let ids = fill(&service, &owner, 700).await;
        fill(&service, &other, 40).await;
        assert_eq!(walk(&service, &owner, &Filter::default(), 64).await, ids);
        for offset in (0..700).step_by(23).chain([1, 2, 690, 698, 699, 700, 701]) {
            let expected = ids.iter().copied().skip(offset).take(7).collect();
            let found = list(&service, &owner, part(offset as u64, 7)).await;
            assert_eq!(found, (Some(700), expected), "{offset}");
        }
    }
}

#[tokio::test]
async fn the_last_full_part_does_not_go_on() {
    for service in services().await {
        let owner = somebody();
        fill(&service, &owner, 6).await;
        for (query, more) in [(part(0, 3), true), (part(3, 3), false), (part(0, 6), false)] {
            let filter = Filter::default();
            let page = service.list_things(&owner, &filter, query).await;
            assert_eq!(page.unwrap().next.is_some(), more, "{query:?}");
        }
    }
}

#[tokio::test]
async fn a_walk_shows_what_stays_once_while_others_come_and_go() {
    for service in services().await {
        let owner = somebody();
        let all = fill(&service, &owner, 60).await;
        let (gone, kept): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(|(n, _)| n % 3 == 0);
        let mut gone = gone.into_iter().map(|(_, id)| *id);
        let kept: BTreeSet<_> = kept.into_iter().map(|(_, id)| *id).collect();
        let (mut seen, mut query) = (Vec::new(), part(0, 5));
        loop {
            let filter = Filter::default();
            let page = service.list_things(&owner, &filter, query).await.unwrap();
            seen.extend(page.items.iter().map(|thing| thing.id));
            // The one that the next part begins after is among those that go.
            let last = page.next.map(ThingId::from).filter(|id| !kept.contains(id));
            for id in last.into_iter().chain(gone.by_ref().take(2)) {
                service.delete_thing(&owner, id).await.unwrap();
            }
            fill(&service, &owner, 2).await;
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        assert!(seen.is_sorted_by(|a, b| a < b));
        assert!(kept.is_subset(&seen.into_iter().collect()));
    }
}

#[tokio::test]
async fn totals_follow_whatever_comes_and_goes() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let ids = fill(&service, &owner, 30).await;
        let new = vec![new_thing("t", Some("k")), new_thing("t", Some("k"))];
        service.create_things(&owner, new).await.unwrap_err();
        for caller in [&other, &owner, &owner] {
            service.delete_thing(caller, ids[0]).await.unwrap();
        }
        let one = service.create_thing(&owner, new_thing("t", None)).await;
        assert!(one.is_ok());
        assert_eq!(list(&service, &owner, part(0, 1)).await.0, Some(30));
        assert_eq!(list(&service, &other, part(0, 1)).await.0, Some(0));
        let channels = vec![details("c", json!({})); 3];
        let channels = service.create_channels(&owner, channels).await.unwrap();
        service
            .delete_channel(&owner, channels[0].id)
            .await
            .unwrap();
        let filter = Filter::default();
        let listed = service.list_channels(&owner, &filter, part(1, 5)).await;
        let listed = listed.unwrap();
        assert_eq!((listed.total, listed.items.len()), (Some(2), 1));
        service.delete_all_of(owner.user).await.unwrap();
        assert_eq!(list(&service, &owner, part(0, 1)).await, (Some(0), vec![]));
    }
}

#[tokio::test]
async fn many_at_once_count_and_are_numbered_like_one_after_the_other() {
    for service in services().await {
        let owner = somebody();
        let create = async |n: usize| {
            let key = n.is_multiple_of(4).then_some("the same");
            service.create_thing(&owner, new_thing("t", key)).await
        };
        let created = futures_util::future::join_all((0..24).map(create)).await;
        let done = created.iter().filter(|created| created.is_ok()).count();
        assert_eq!(done, 19, "only one has the key");
        assert_eq!(list(&service, &owner, part(0, 1)).await.0, Some(19));
        assert_eq!(crate::changes(&service, 0).await.len(), 19);
    }
}

#[tokio::test]
async fn filtered_and_connected_things_can_be_walked_too() {
    for service in services().await {
        let owner = somebody();
        let all = fill(&service, &owner, 12).await;
        let odd = NewThing {
            key: None,
            details: details("odd", json!({"odd": true})),
        };
        let odd = service.create_things(&owner, vec![odd; 11]).await.unwrap();
        let mut odd: Vec<_> = odd.iter().map(|thing| thing.id).collect();
        odd.sort_unstable();
        let limits = *service.limits();
        for (name, metadata) in [("dd", "{}"), ("", r#"{"odd":true}"#)] {
            let filter = Filter::of_metadata(Some(metadata), &limits).unwrap();
            let filter = filter.named(name).unwrap();
            assert_eq!(walk(&service, &owner, &filter, 5).await, odd);
        }
        let channel = service.create_channel(&owner, details("c", json!({})));
        let channel = channel.await.unwrap().id;
        let (channels, things) = (vec![channel], all[1..].to_vec());
        let connections = Connections { channels, things };
        service.connect(&owner, &connections).await.unwrap();
        let (mut seen, mut query) = (Vec::<ThingId>::new(), part(0, 4));
        for expected in [4, 4, 3] {
            let page = service
                .list_things_of(&owner, channel, query)
                .await
                .unwrap();
            assert_eq!(page.items.len(), expected);
            seen.extend(page.items.iter().map(|thing| thing.id));
            query.after = page.next;
        }
        assert_eq!((seen.as_slice(), query.after), (&all[1..], None));
        let after = Some(Uuid::nil());
        let page = PageQuery { after, ..query };
        let page = service
            .list_channels_of(&owner, all[1], page)
            .await
            .unwrap();
        assert_eq!((page.total, page.items[0].id), (None, channel));
    }
}

#[tokio::test]
async fn what_was_there_before_it_was_counted_counts() {
    for db in databases().await {
        let (service, owner) = (open(&db).await, somebody());
        let ids = fill(&service, &owner, 50).await;
        fill(&service, &somebody(), 5).await;
        for sql in [
            "DROP TABLE owned",
            "DELETE FROM migrations WHERE version = 5",
        ] {
            db.execute(sql, &[]).await.unwrap();
        }
        let service = open(&db).await;
        let found = list(&service, &owner, part(48, 7)).await;
        assert_eq!(found, (Some(50), ids[48..].to_vec()));
        service.delete_thing(&owner, ids[0]).await.unwrap();
        assert_eq!(list(&service, &owner, part(0, 1)).await.0, Some(49));
    }
}
