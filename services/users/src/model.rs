//! Users as the rules see them, and what makes a request well-formed.

mod email;
mod metadata;
mod password;

use model::{Secret, Timestamp, UserId};

pub use email::Email;
pub use metadata::Metadata;
pub use password::Password;

/// Somebody who owns things and channels.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Identifies the user; never used again, even by somebody with the same address.
    pub id: UserId,
    /// The address the user logs in with.
    pub email: Email,
    /// What the user keeps here.
    pub metadata: Metadata,
    /// When the user was created.
    pub created_at: Timestamp,
}

/// A user with what proves to be them.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The hash of the password, with its parameters.
    pub password: Secret,
    /// How often the password was changed.
    pub generation: i64,
}

/// A user who is to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address to log in with.
    pub email: Email,
    /// The password to log in with.
    pub password: Password,
    /// What the user keeps here.
    pub metadata: Metadata,
}

/// How much one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The fewest bytes of a new password.
    pub password_min: usize,
    /// The most bytes of a metadata object.
    pub metadata_bytes: usize,
    /// The most levels of a metadata object.
    pub metadata_depth: usize,
}
