use crate::Param;

/// A statement with its values, to be run together with others by [`Tx::query_all`](crate::Tx::query_all).
pub struct Statement<'a> {
    /// Its text.
    pub sql: &'static str,
    /// Its values.
    pub params: Vec<&'a dyn Param>,
}

impl<'a> Statement<'a> {
    /// Makes it of its text and its values.
    pub fn new(sql: &'static str, params: &[&'a dyn Param]) -> Self {
        let params = params.to_vec();
        Self { sql, params }
    }
}
