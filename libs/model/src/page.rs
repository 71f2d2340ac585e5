use uuid::Uuid;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// How many items to leave out at the beginning.
    pub offset: u64,
    /// How many items to return at most.
    pub limit: u64,
    /// The id after which to begin, instead of at an offset.
    pub after: Option<Uuid>,
}

/// One part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// How many items the whole list has; not counted for a part that begins after an id.
    pub total: Option<u64>,
    /// The items of this part.
    pub items: Vec<T>,
    /// The id after which the list goes on, if it does.
    pub next: Option<Uuid>,
}
