use history::{Entry, Excess, Query};
use model::ChannelId;

use crate::{T, found, histories, number, write};

#[tokio::test]
async fn the_oldest_entries_of_a_channel_go_and_no_others() {
    for history in histories().await {
        let (channel, other) = (ChannelId::random(), ChannelId::random());
        let mut entries: Vec<Entry> = (0..1500)
            .map(|n| number(channel, "a", 1.0, f64::from(n)))
            .collect();
        entries.push(number(other, "a", 1.0, 0.0));
        write(&history, &entries).await;
        let each = entries[0].size() as u64;
        let trim = async |excess| {
            let trimmed = history.trim(channel, excess).await.unwrap();
            assert_eq!(trimmed.bytes, trimmed.entries * each);
            trimmed.entries
        };

        assert_eq!(trim(Excess::Before(T + 1200.0)).await, 1200);
        assert_eq!(trim(Excess::Before(T + 1200.0)).await, 0);
        assert_eq!(trim(Excess::Bytes(each * 99 + 1)).await, 100);
        let left = found(&history, &Query::all(channel)).await;
        assert_eq!((left.len(), left[199].time()), (200, T + 1300.0));
        assert_eq!(found(&history, &Query::all(other)).await.len(), 1);

        let mut expected = vec![(channel, each * 200), (other, each)];
        expected.sort_unstable();
        assert_eq!(history.usage(None, 10).await.unwrap(), expected);
        let second = history.usage(Some(expected[0].0), 10).await.unwrap();
        assert_eq!(second, expected[1..]);
        assert_eq!(trim(Excess::Bytes(u64::MAX)).await, 200);
    }
}
