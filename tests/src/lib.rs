//! What the end-to-end tests share: a platform of real processes in either shape, and foreign clients to drive it.

mod http;
mod load;
mod nats;
mod platform;
mod postgres;
mod process;
mod wait;

pub use http::{Reply, curl};
pub use load::Load;
pub use platform::{Beside, LISTENERS, Platform, Role, Shape};
pub use process::{binary, ferroflux, resident_kib};
pub use wait::{DEADLINE, until};
