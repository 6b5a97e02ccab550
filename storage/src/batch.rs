//! Several statements in one round trip, where the database allows it.
//!
//! SQLite runs a text of several statements on its thread at one go: a hand-over to that thread and back costs more than
//! most statements do. PostgreSQL prepares statements one by one.

use crate::StorageError;
use crate::db::{Bound, Database, Dialect, at, sql};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use std::fmt::Write as _;

/// Statements with their values, to be run in order. `?` stands for a value. Texts of the same shape are prepared once.
pub(crate) struct Batch {
    dialect: Dialect,
    statements: Vec<Statement>,
}

#[derive(Default)]
struct Statement {
    text: String,
    values: Vec<Bound>,
}

impl Batch {
    pub fn new(db: &Database) -> Self {
        Self { dialect: db.dialect, statements: Vec::new() }
    }

    /// Adds a statement.
    pub fn add<const N: usize>(&mut self, text: &str, values: [Bound; N]) {
        self.begin();
        self.push(text, values);
    }

    /// Adds an `INSERT` of many rows: `head`, then `row` with its values for each of them, in one statement.
    pub fn insert<const N: usize>(&mut self, head: &str, row: &str, rows: impl Iterator<Item = [Bound; N]>) {
        for (no, values) in rows.enumerate() {
            if no == 0 {
                self.begin();
                self.push(head, []);
            } else {
                self.push(",", []);
            }
            self.push(row, values);
        }
    }

    fn begin(&mut self) {
        match (self.dialect, self.statements.last_mut()) {
            (Dialect::Sqlite, Some(statement)) => statement.text.push_str("; "),
            _ => self.statements.push(Statement::default()),
        }
    }

    fn push<const N: usize>(&mut self, text: &str, values: [Bound; N]) {
        let Some(statement) = self.statements.last_mut() else { return };
        match self.dialect {
            Dialect::Sqlite => statement.text.push_str(text),
            Dialect::Postgres => {
                let mut number = statement.values.len();
                for (i, piece) in text.split('?').enumerate() {
                    if i > 0 {
                        number += 1;
                        let _ = write!(statement.text, "${number}");
                    }
                    statement.text.push_str(piece);
                }
            }
        }
        statement.values.extend(values);
    }

    /// Runs them.
    pub async fn execute(
        self,
        connection: &mut AnyConnection,
        place: &'static str,
    ) -> Result<(), StorageError> {
        self.fetch(connection, place).await.map(|_| ())
    }

    /// Runs them; the rows of all, in order.
    pub async fn fetch(
        self,
        connection: &mut AnyConnection,
        place: &'static str,
    ) -> Result<Vec<AnyRow>, StorageError> {
        let mut rows = Vec::new();
        for Statement { text, values } in self.statements {
            let query = values.into_iter().fold(sqlx::query(sql(text)), |query, value| value.bind(query));
            rows.extend(query.fetch_all(&mut *connection).await.map_err(at(place))?);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(dialect: Dialect) -> Vec<String> {
        let mut batch = Batch { dialect, statements: Vec::new() };
        batch.add("UPDATE a SET b = ? WHERE c = ?", [1.into(), "x".into()]);
        batch.insert(
            "INSERT INTO a VALUES ",
            "(?,?)",
            [[1.into(), 2.into()], [3.into(), 4.into()]].into_iter(),
        );
        batch.insert("INSERT INTO b VALUES ", "(?)", std::iter::empty::<[Bound; 1]>());
        batch.statements.into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn sqlite_gets_one_text_and_postgresql_one_for_each_statement() {
        assert_eq!(
            texts(Dialect::Sqlite),
            ["UPDATE a SET b = ? WHERE c = ?; INSERT INTO a VALUES (?,?),(?,?)"]
        );
        assert_eq!(
            texts(Dialect::Postgres),
            ["UPDATE a SET b = $1 WHERE c = $2", "INSERT INTO a VALUES ($1,$2),($3,$4)"]
        );
    }
}
