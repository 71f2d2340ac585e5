use std::collections::HashMap;

use crate::index::Subscription;
use crate::packet::{Reason, RetainHandling, Subscribe};
use crate::refusal;
use crate::topic::TopicFilter;

use super::Reception;
use super::sources::Entry;

/// A filter of a SUBSCRIBE that is in force.
pub(crate) struct Subscribed {
    filter: TopicFilter,
    subscription: Subscription,
    /// What it replaces.
    before: Option<Subscription>,
}

impl Subscribed {
    /// Returns the filter and what was asked for when retained messages are to be sent.
    pub(crate) fn retained(&self) -> Option<(&TopicFilter, Subscription)> {
        if self.filter.group().is_some() {
            return None;
        }
        let wanted = match self.subscription.options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => self.before.is_none(),
            RetainHandling::DoNotSend => false,
        };
        wanted.then_some((&self.filter, self.subscription))
    }

    /// Returns the reason code that says what is granted.
    pub(crate) fn granted(&self) -> Reason {
        self.subscription.options.qos.into()
    }
}

impl Reception {
    /// Puts the filters of a SUBSCRIBE in force, or says why not.
    ///
    /// The session is stored before a queue is made for it: what a crash leaves on the bus, the expiry of the session finds.
    pub(crate) async fn subscribe(&self, subscribe: &Subscribe) -> Vec<Result<Subscribed, Reason>> {
        let mut results = Vec::with_capacity(subscribe.filters.len());
        for (filter, options) in &subscribe.filters {
            let subscription = Subscription {
                options: *options,
                id: subscribe.id,
            };
            results.push(self.admit(filter, subscription).await);
        }
        let mut accepted: HashMap<_, Vec<Entry>> = HashMap::new();
        for subscribed in results.iter().flatten() {
            let entry = (subscribed.filter.clone(), subscribed.subscription);
            let channel = subscribed.filter.channel();
            accepted.entry(channel).or_default().push(entry);
        }
        if accepted.is_empty() {
            return results;
        }
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "a session could not be stored");
            let reason = refusal::of_kind(error.kind);
            self.withdraw(&mut results, reason, |_| true).await;
            return results;
        }
        for (channel, entries) in accepted {
            if let Err(error) = self.align(channel, &entries).await {
                tracing::warn!(%error, "a subscription could not be served");
                let reason = refusal::of_kind(error.kind);
                self.withdraw(&mut results, reason, |filter| filter.channel() == channel)
                    .await;
            }
        }
        results
    }

    /// Notes a subscription that the thing has a right to.
    async fn admit(&self, text: &str, subscription: Subscription) -> Result<Subscribed, Reason> {
        let filter =
            TopicFilter::parse_in(text, self.peer.default_channel).map_err(refusal::of_filter)?;
        let (before, count) = {
            let subscriptions = &self.peer.session.borrow().subscriptions;
            (subscriptions.get(&filter), subscriptions.len())
        };
        if before.is_none() && count >= self.shard.node.config.max_subscriptions {
            self.shard.counters.over_subscriptions.add(1);
            return Err(Reason::QuotaExceeded);
        }
        self.join(filter.channel()).await.map_err(|error| {
            self.shard.counters.denied.add(1);
            refusal::of_kind(error.kind)
        })?;
        let mut session = self.peer.session.borrow_mut();
        session.subscriptions.set(&filter, subscription);
        Ok(Subscribed {
            filter,
            subscription,
            before,
        })
    }

    /// Undoes the subscriptions that were admitted and cannot be served.
    async fn withdraw(
        &self,
        results: &mut [Result<Subscribed, Reason>],
        reason: Reason,
        concerns: impl Fn(&TopicFilter) -> bool,
    ) {
        for result in results.iter_mut().rev() {
            let Ok(Subscribed { filter, before, .. }) = result else {
                continue;
            };
            if !concerns(filter) {
                continue;
            }
            let filter = filter.clone();
            match *before {
                Some(before) => {
                    let mut session = self.peer.session.borrow_mut();
                    session.subscriptions.set(&filter, before);
                    drop(session);
                    if self.is_live(filter.channel()) {
                        self.subscribe_live([&(filter, before)]);
                    }
                }
                None => {
                    self.remove(&filter).await;
                }
            }
            *result = Err(reason);
        }
    }

    /// Takes the filters of an UNSUBSCRIBE out of force.
    pub(crate) async fn unsubscribe(&self, filters: &[String]) -> Vec<Reason> {
        let mut reasons = Vec::with_capacity(filters.len());
        for text in filters {
            reasons.push(
                match TopicFilter::parse_in(text, self.peer.default_channel) {
                    Ok(filter) => self.remove(&filter).await,
                    Err(_) => Reason::NoSubscriptionExisted,
                },
            );
        }
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "a session could not be stored");
        }
        reasons
    }

    async fn remove(&self, filter: &TopicFilter) -> Reason {
        let removed = self.peer.session.borrow_mut().subscriptions.remove(filter);
        if removed.is_none() {
            return Reason::NoSubscriptionExisted;
        }
        let left = if filter.group().is_some() {
            self.leave_group(filter).await
        } else {
            self.shard.unsubscribe(filter, self.peer.id);
            Ok(())
        };
        match left.and(self.align(filter.channel(), &[]).await) {
            Ok(()) => Reason::Success,
            Err(error) => refusal::of_kind(error.kind),
        }
    }
}
