//! The codec against an independent one, against the letter of the specification and against garbage.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod generate;
mod hostile;
mod publish;
mod strict;
mod theirs;
