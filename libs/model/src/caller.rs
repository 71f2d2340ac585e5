use crate::UserId;

/// A user who has been authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's id, which owns things and channels.
    pub user: UserId,
    /// The user's e-mail address, as the 0.9 wire shows it.
    pub email: String,
}

/// What a thing may do with a channel it is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send messages to the channel.
    Publish,
    /// Receive messages from the channel.
    Subscribe,
}
