//! A shard: one thread with its connections, their sessions and who subscribes to what. Nothing in it is locked.

mod orphans;
mod outbox;
mod owned;
mod peers;
mod run;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use messaging::Message;
use model::ChannelId;
use tokio::sync::{Notify, oneshot};
use tokio_util::task::TaskTracker;

use crate::counters::Counters;
use crate::frames::Frames;
use crate::ids::Ids;
use crate::index::{Index, Matches, Subscription};
use crate::mailbox::Mail;
use crate::node::Node;
use crate::packet::Qos;
use crate::peer::{Peer, PeerId};
use crate::registry::Owner;
use crate::session::{Session, Wanted};
use crate::takeover::Elsewhere;
use crate::topic::{self, TopicFilter};

use outbox::Outbox;
pub(crate) use owned::{Owned, Ownership};
use peers::Peers;
pub(crate) use run::{Chores, Work, run};

/// How much is read from a connection at a time.
const READ_BUFFER: usize = 64 * 1024;

/// How many messages to another shard hold up those who would send it more; the less there is on its way, the sooner
/// they learn that its subscribers are behind.
const MUCH_MAIL: usize = 1024;

/// One shard.
pub(crate) struct Shard {
    pub(crate) number: usize,
    pub(crate) node: Arc<Node>,
    pub(crate) counters: Counters,
    pub(crate) owned: Owned,
    pub(crate) ids: Ids,
    index: RefCell<Index<PeerId>>,
    peers: RefCell<Peers>,
    /// Kept between messages for its memory.
    matches: RefCell<Matches<PeerId>>,
    outbox: Outbox,
    held: Held,
    read_buffer: Cell<Vec<u8>>,
    /// Every task of a connection or a session.
    pub(crate) tasks: TaskTracker,
}

/// Publishers that wait because another shard is behind.
#[derive(Default)]
struct Held {
    wakers: RefCell<Vec<Waker>>,
    filled: Notify,
}

impl Shard {
    pub(crate) fn new(number: usize, node: Arc<Node>) -> Self {
        Self {
            number,
            counters: Counters::new(),
            owned: Owned::default(),
            ids: Ids::new(),
            index: RefCell::default(),
            peers: RefCell::default(),
            matches: RefCell::default(),
            outbox: Outbox::new(node.mailboxes.len()),
            held: Held::default(),
            read_buffer: Cell::default(),
            tasks: TaskTracker::new(),
            node,
        }
    }

    /// Hands a message to everybody who subscribes to it at this node, except where a subscriber with No Local sent it.
    pub(crate) fn publish(&self, message: &Arc<Message>, publisher: Option<PeerId>) {
        self.deliver(message, publisher);
        if self.node.mailboxes.len() == 1 {
            return;
        }
        let mut others =
            self.outbox.mask(&self.node.interests, message.channel) & !(1 << self.number);
        while others != 0 {
            let shard = others.trailing_zeros() as usize;
            others &= others - 1;
            self.forward(shard, message);
        }
    }

    fn forward(&self, shard: usize, message: &Arc<Message>) {
        let waiting = self.node.mailboxes[shard].len();
        if message.qos == Qos::AtMostOnce.as_u8() && waiting > self.node.config.max_mailbox_messages
        {
            self.counters.dropped_mailbox.add(1);
            return;
        }
        self.outbox.put(shard, Mail::Deliver(message.clone()));
    }

    /// Hands a message to the subscribers of this shard.
    pub(crate) fn deliver(&self, message: &Arc<Message>, publisher: Option<PeerId>) {
        let index = self.index.borrow();
        if !index.has_channel(message.channel) {
            return;
        }
        let mut frames = Frames::new(message);
        let mut matches = self.matches.borrow_mut();
        index.find(
            message.channel,
            topic::tail(frames.topic()),
            publisher,
            &mut matches,
        );
        let peers = self.peers.borrow();
        for found in &*matches {
            let Some(peer) = peers.get(found.subscriber) else {
                continue;
            };
            let wanted = if peer.default_channel == Some(message.channel) {
                // The index does not know which filters are relative.
                let own = publisher == Some(found.subscriber);
                peer.wanted(message.channel, topic::tail(frames.topic()), own)
            } else {
                Some(Wanted {
                    qos: found.qos,
                    retain_as_published: found.retain_as_published,
                    relative: false,
                    ids: matches.ids(found).to_vec(),
                })
            };
            let Some(wanted) = wanted else {
                continue;
            };
            let retain = message.retain && wanted.retain_as_published;
            peer.deliver(message, &mut frames, wanted, retain, self);
        }
    }

    /// Tells whether another shard is so far behind that publishers have to wait.
    pub(crate) fn is_congested(&self) -> bool {
        let mailboxes = &self.node.mailboxes;
        mailboxes.len() > 1 && mailboxes.iter().any(|mailbox| mailbox.len() > MUCH_MAIL)
    }

    /// Wakes the task a little later, to see whether it may go on publishing.
    pub(crate) fn hold(&self, cx: &Context<'_>) {
        self.held.wakers.borrow_mut().push(cx.waker().clone());
        self.held.filled.notify_one();
    }

    /// Asks whoever owns a session for it; the answer comes when its connection has ended.
    pub(crate) fn claim(&self, owner: Owner) -> oneshot::Receiver<Session> {
        let (reply, answer) = oneshot::channel();
        if owner.shard == self.number {
            self.owned.claim(owner.generation, reply);
        } else {
            self.outbox
                .put(owner.shard, Mail::Claim(owner.generation, reply));
        }
        answer
    }

    /// Tells whoever owns a session that another node has taken it.
    pub(crate) fn take_away(&self, owner: Owner, elsewhere: Elsewhere) {
        if owner.shard == self.number {
            self.owned.take_away(owner.generation, elsewhere);
        } else {
            let mail = Mail::TakenAway(owner.generation, elsewhere);
            self.outbox.put(owner.shard, mail);
        }
    }

    pub(crate) fn add_peer(&self, make: impl FnOnce(PeerId) -> Peer) -> Rc<Peer> {
        self.peers.borrow_mut().add(make)
    }

    pub(crate) fn remove_peer(&self, id: PeerId) {
        self.peers.borrow_mut().remove(id);
    }

    /// Returns the connections there are now.
    pub(crate) fn connections(&self) -> Vec<Rc<Peer>> {
        self.peers.borrow().iter().cloned().collect()
    }

    /// Ends all connections.
    pub(crate) fn close_all(&self, reason: crate::packet::Reason, detail: &'static str) {
        for peer in self.peers.borrow().iter() {
            peer.close(reason, detail);
        }
    }

    pub(crate) fn subscribe(&self, filter: &TopicFilter, peer: PeerId, subscription: Subscription) {
        self.index.borrow_mut().insert(filter, peer, subscription);
    }

    pub(crate) fn unsubscribe(&self, filter: &TopicFilter, peer: PeerId) {
        self.index.borrow_mut().remove(filter, peer);
    }

    /// Returns once the shard gets what other protocols and nodes send to the channel.
    pub(crate) async fn interest(
        &self,
        channel: ChannelId,
    ) -> model::Result<crate::interest::Interest> {
        self.node.interests.acquire(self.number, channel).await
    }

    /// Lends the read buffer of the shard, of which there is one because nothing waits while it is in use.
    pub(crate) fn with_read_buffer<T>(&self, read: impl FnOnce(&mut [u8]) -> T) -> T {
        let mut buffer = self.read_buffer.take();
        buffer.resize(READ_BUFFER, 0);
        let result = read(&mut buffer);
        self.read_buffer.set(buffer);
        result
    }
}
