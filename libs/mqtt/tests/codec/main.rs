//! The codec against an independent one, against the letter of the specification and against garbage.

mod generate;
mod hostile;
mod publish;
mod strict;
mod theirs;
