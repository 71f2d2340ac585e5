//! The contracts between the roles: for each, the trait, its gRPC client and its gRPC server in one file.
//!
//! Whether a role holds the service next door or a [`users::Client`] it cannot tell.

mod event;
mod status;
pub mod things;
pub mod users;

pub use event::{Change, Event};
pub use status::{from_status, to_status};

/// The generated types of the wire; `mainflux` is that of 0.9, `ferroflux` what is new.
#[expect(
    missing_docs,
    clippy::all,
    clippy::allow_attributes,
    clippy::too_many_lines,
    reason = "generated from the .proto files"
)]
pub mod wire {
    pub mod mainflux {
        tonic::include_proto!("mainflux");
    }
    pub mod ferroflux {
        tonic::include_proto!("ferroflux.v1");
    }
}
