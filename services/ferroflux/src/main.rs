//! The `ferroflux` command.
fn main() {}
