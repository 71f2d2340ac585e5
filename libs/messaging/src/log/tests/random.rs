use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const CHANNELS: u128 = 3;

#[derive(Clone, Debug)]
enum Step {
    Publish {
        channel: u128,
        count: usize,
    },
    Send {
        channel: u128,
    },
    Open {
        consumer: usize,
    },
    Take {
        consumer: usize,
        count: usize,
        ack: bool,
    },
    AckOldest {
        consumer: usize,
    },
    Tidy,
    Kill,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..CHANNELS, 1..40usize).prop_map(|(channel, count)| Step::Publish { channel, count }),
        1 => (0..CHANNELS).prop_map(|channel| Step::Send { channel }),
        2 => (0..4usize).prop_map(|consumer| Step::Open { consumer }),
        6 => (0..4usize, 1..60usize, any::<bool>())
            .prop_map(|(consumer, count, ack)| Step::Take { consumer, count, ack }),
        3 => (0..4usize).prop_map(|consumer| Step::AckOldest { consumer }),
        3 => Just(Step::Tidy),
        1 => Just(Step::Kill),
        1 => Just(Step::Close),
    ];
    proptest::collection::vec(step, 1..100)
}

fn channel(number: u128) -> ChannelId {
    uuid::Uuid::from_u128(number).into()
}

/// Consumer 3 gets everything, the others a channel each.
fn filter(consumer: usize) -> Filter {
    match consumer {
        3 => Filter::All,
        other => Filter::Channel(channel(other as u128)),
    }
}

/// What the log owes a consumer.
#[derive(Default)]
struct Owed {
    /// Accepted for it, and not acknowledged by it in a way that a kill cannot undo.
    due: BTreeSet<usize>,
    unacknowledged: BTreeMap<usize, Seq>,
}

struct Trial {
    place: Place,
    log: Option<Log<Message>>,
    readers: [Option<Box<dyn Consumer<Message>>>; 4],
    owed: [Option<Owed>; 4],
    published: usize,
}

impl Trial {
    fn new() -> Self {
        let place = Place::with_max_bytes(64 << 10);
        Self {
            log: Some(place.open()),
            place,
            readers: Default::default(),
            owed: Default::default(),
            published: 0,
        }
    }

    fn log(&self) -> &Log<Message> {
        self.log.as_ref().unwrap()
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Publish { channel, count } => {
                for _ in 0..count {
                    self.publish(channel).await;
                }
            }
            Step::Send { channel: to } => self.log().send(numbered(channel(to), 99_999_999)),
            Step::Open { consumer } => self.open(consumer).await,
            Step::Take {
                consumer,
                count,
                ack,
            } => {
                for _ in 0..count {
                    self.take(consumer, ack).await;
                }
            }
            Step::AckOldest { consumer } => self.ack_oldest(consumer),
            Step::Tidy => {
                let mut keeper = keeper::Keeper::new(self.log().core.clone());
                keeper.reclaim();
                keeper.compact();
            }
            Step::Kill => {
                self.readers = Default::default();
                let killed = self.place.killed();
                self.log = None;
                self.log = Some(killed.open());
                self.place = killed;
            }
            Step::Close => {
                self.readers = Default::default();
                self.log = None;
                self.log = Some(self.place.open());
            }
        }
    }

    async fn publish(&mut self, to: u128) {
        let number = self.published;
        if self
            .log()
            .publish(numbered(channel(to), number))
            .await
            .is_ok()
        {
            self.published += 1;
            for (consumer, owed) in self.owed.iter_mut().enumerate() {
                if let Some(owed) = owed
                    .as_mut()
                    .filter(|_| consumer == 3 || consumer as u128 == to)
                {
                    owed.due.insert(number);
                }
            }
        }
    }

    async fn open(&mut self, consumer: usize) {
        let opened = self
            .log()
            .consumer(&format!("c{consumer}"), filter(consumer))
            .await;
        self.readers[consumer] = Some(opened.unwrap());
        self.owed[consumer]
            .get_or_insert_default()
            .unacknowledged
            .clear();
    }

    async fn take(&mut self, consumer: usize, ack: bool) {
        let (Some(reader), Some(owed)) = (&mut self.readers[consumer], &mut self.owed[consumer])
        else {
            return;
        };
        let waiting = owed.due.len() > owed.unacknowledged.len();
        if !waiting {
            return;
        }
        let delivery = next(reader).await;
        let number = number(&delivery.record);
        if ack {
            reader.ack(delivery.seq);
            owed.due.remove(&number);
        } else if owed.due.contains(&number) {
            owed.unacknowledged.insert(number, delivery.seq);
        }
    }

    fn ack_oldest(&mut self, consumer: usize) {
        let (Some(reader), Some(owed)) = (&mut self.readers[consumer], &mut self.owed[consumer])
        else {
            return;
        };
        if let Some((number, seq)) = owed.unacknowledged.pop_first() {
            reader.ack(seq);
            owed.due.remove(&number);
        }
    }

    /// Everything that is owed comes, whatever has happened, and nothing that nobody published.
    async fn settle(&mut self) {
        for consumer in 0..4 {
            let Some(owed) = self.owed[consumer].take() else {
                continue;
            };
            let mut reader = self
                .log()
                .consumer(&format!("c{consumer}"), filter(consumer))
                .await
                .unwrap();
            let mut due = owed.due;
            while !due.is_empty() {
                let delivery = next(&mut reader).await;
                let number = number(&delivery.record);
                assert!(number < self.published || number == 99_999_999, "{number}");
                due.remove(&number);
                reader.ack(delivery.seq);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_owed_is_ever_lost(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut trial = Trial::new();
            for step in steps {
                trial.run(step).await;
            }
            trial.run(Step::Close).await;
            trial.settle().await;
        });
    }
}
