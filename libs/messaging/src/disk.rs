//! Files that tell when they are damaged, in directories that belong to one process.

pub(crate) mod directory;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod journal;
pub(crate) mod scan;
pub(crate) mod together;
