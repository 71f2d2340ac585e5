/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// How many items to leave out at the beginning.
    pub offset: u64,
    /// How many items to return at most.
    pub limit: u64,
}

/// One part of a list and the size of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// How many items the whole list has.
    pub total: u64,
    /// The items of this part.
    pub items: Vec<T>,
}
