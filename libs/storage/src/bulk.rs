use crate::{Error, Param, Result, Row, Statement, Tx};

/// How many rows one statement has: each text is prepared once, and few texts do for any number of rows.
const LENGTHS: [usize; 3] = [32, 4, 1];
/// The most values of a statement on SQLite; PostgreSQL takes twice as many.
const MAX_VALUES: usize = 32_766;

/// A statement about any number of rows, such as an INSERT, in few texts; to be kept in a static.
#[derive(Debug)]
pub struct Bulk {
    columns: usize,
    texts: [String; LENGTHS.len()],
}

impl Bulk {
    /// Makes it of what comes before the rows, `INSERT INTO t (a, b) VALUES`, their columns, and what comes after them.
    ///
    /// # Panics
    /// When there are more columns than a statement of many rows can have.
    pub fn new(head: &str, columns: usize, tail: &str) -> Self {
        assert!(
            columns > 0 && columns * LENGTHS[0] <= MAX_VALUES,
            "a bulk of {columns} columns"
        );
        let texts = LENGTHS.map(|rows| text(head, columns, rows, tail));
        Self { columns, texts }
    }

    /// Inserts rows, given as the values of one after the other, and returns what the statements return.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub async fn query(&'static self, tx: &Tx, values: &[&dyn Param]) -> Result<Vec<Row>> {
        let answers = tx.query_all(&self.statements(values)?).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// Returns the statements that insert rows, to be run together with others.
    ///
    /// # Errors
    /// When the last row is not whole.
    pub fn statements<'a>(
        &'static self,
        mut values: &[&'a dyn Param],
    ) -> Result<Vec<Statement<'a>>> {
        if !values.len().is_multiple_of(self.columns) {
            return Err(Error::internal("the last row is not whole"));
        }
        let mut statements = Vec::new();
        for (rows, text) in LENGTHS.iter().zip(&self.texts) {
            while values.len() >= rows * self.columns {
                let (now, later) = values.split_at(rows * self.columns);
                statements.push(Statement::new(text, now));
                values = later;
            }
        }
        Ok(statements)
    }
}

fn text(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let row = |row: usize| {
        let first = row * columns + 1;
        let names: Vec<String> = (first..first + columns).map(|n| format!("${n}")).collect();
        format!("({})", names.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("{head} {} {tail}", rows.join(", "))
}
