//! Connections to the index: SQLite or PostgreSQL through one driver interface, and what their errors mean.

use crate::StorageError;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, AssertSqlSafe, Executor as _};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Which database stands behind the index. Only locking and a few settings differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The index: many readers, and the one connection of the committing writer.
#[derive(Clone)]
pub(crate) struct Database {
    pub readers: AnyPool,
    pub writer: AnyPool,
    pub dialect: Dialect,
}

const READERS_MAX: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

impl Database {
    /// Opens, creates and migrates the index.
    pub async fn open(directory: &Path, postgres_url: Option<&str>) -> Result<Self, StorageError> {
        sqlx::any::install_default_drivers();
        match postgres_url {
            None => Self::open_sqlite(&directory.join("index.sqlite")).await,
            Some(url) => Self::open_postgres(url).await,
        }
    }

    async fn open_sqlite(path: &Path) -> Result<Self, StorageError> {
        let url = sqlite_url(path);
        // WAL keeps readers and the writer out of each other's way; FULL makes a committed transaction durable.
        let common = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000; \
                      PRAGMA foreign_keys=ON; PRAGMA case_sensitive_like=ON; PRAGMA temp_store=MEMORY; \
                      PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4000;";
        let writer = AnyPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(common).await.map(|_| ()) })
            })
            .connect(&url)
            .await
            .map_err(|e| error(&e, "opening the index"))?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await.map_err(|e| migration_error(&e))?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    connection.execute(common).await?;
                    connection.execute("PRAGMA query_only=ON").await.map(|_| ())
                })
            })
            .connect(&url)
            .await
            .map_err(|e| error(&e, "opening the index"))?;
        Ok(Self { readers, writer, dialect: Dialect::Sqlite })
    }

    async fn open_postgres(url: &str) -> Result<Self, StorageError> {
        let writer = AnyPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute("SET synchronous_commit = on").await.map(|_| ()) })
            })
            .connect(url)
            .await
            .map_err(|e| error(&e, "connecting to PostgreSQL"))?;
        sqlx::migrate!("migrations/postgres").run(&writer).await.map_err(|e| migration_error(&e))?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("SET default_transaction_read_only = on").await.map(|_| ())
                })
            })
            .connect(url)
            .await
            .map_err(|e| error(&e, "connecting to PostgreSQL"))?;
        Ok(Self { readers, writer, dialect: Dialect::Postgres })
    }

    /// Closes both pools; SQLite checkpoints its log.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// How a transaction of the writer begins.
    pub fn begin(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// The same for a row that is left alone when somebody else is about to change it.
    pub fn skip_locked(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// What a `SELECT` of a row that is about to be changed ends with.
    pub fn for_update(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR UPDATE",
        }
    }
}

/// Percent-encodes a path into an SQLite URL.
fn sqlite_url(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut url = String::from("sqlite://");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            url.push(char::from(*byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url.push_str("?mode=rwc");
    url
}

/// SQL built from constants of this crate only; values go through placeholders.
pub(crate) fn sql(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}

/// `($1,$2),($3,$4)`: placeholders for several rows.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 5);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let _ = write!(text, "{}${}", if column == 0 { "" } else { "," }, row * columns + column + 1);
        }
        text.push(')');
    }
    text
}

/// What a database error means for the caller. `place` names the work; the log gets the code, never a value.
pub(crate) fn error(error: &sqlx::Error, place: &'static str) -> StorageError {
    if let sqlx::Error::Database(database) = error {
        let code = database.code().unwrap_or_default();
        tracing::warn!(place, code = %code, constraint = database.constraint(), "the index refused");
        // SQLITE_FULL and PostgreSQL's disk_full.
        if code == "13" || code == "53100" {
            return StorageError::OutOfResources("the disk of the index is full");
        }
        return StorageError::Unavailable(format!("{place} (index error {code})"));
    }
    let kind = match error {
        sqlx::Error::PoolTimedOut => "no free connection to the index",
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => "the index is closed",
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => "the index cannot be reached",
        sqlx::Error::Configuration(_) => "the index's address is not valid",
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
            "the index answered something unexpected"
        }
        _ => "the index failed",
    };
    tracing::warn!(place, kind, "the index failed");
    StorageError::Unavailable(format!("{place}: {kind}"))
}

/// A shorthand for `map_err`.
pub(crate) fn at(place: &'static str) -> impl Fn(sqlx::Error) -> StorageError {
    move |e| error(&e, place)
}

fn migration_error(error: &sqlx::migrate::MigrateError) -> StorageError {
    // Migration texts are ours: their errors hold no data.
    StorageError::Unavailable(format!(
        "migrating the index: {error}; was it written by a newer version? then run that version"
    ))
}

/// A value for a placeholder.
pub(crate) enum Bound {
    Text(String),
    Number(i64),
}

/// Values of a statement that is put together piece by piece; each piece gets its placeholder when it is bound.
#[derive(Default)]
pub(crate) struct Bindings(Vec<Bound>);

impl Bindings {
    /// The placeholder of a text.
    pub fn text(&mut self, value: impl AsRef<str>) -> String {
        self.0.push(Bound::Text(clean(value.as_ref())));
        format!("${}", self.0.len())
    }

    /// The placeholder of a number.
    pub fn number(&mut self, value: i64) -> String {
        self.0.push(Bound::Number(value));
        format!("${}", self.0.len())
    }

    /// The placeholders of a list; one that matches nothing when it is empty.
    pub fn list(&mut self, values: &[String]) -> String {
        if values.is_empty() {
            return "NULL".to_owned();
        }
        values.iter().map(|value| self.text(value)).collect::<Vec<_>>().join(",")
    }

    /// The statement with its values.
    pub fn query(self, text: String) -> sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments> {
        // Texts differ with every combination of conditions: not worth a place among the prepared statements.
        self.0.into_iter().fold(sqlx::query(sql(text)).persistent(false), |query, value| match value {
            Bound::Text(text) => query.bind(text),
            Bound::Number(number) => query.bind(number),
        })
    }
}

/// Text as both databases take it: PostgreSQL refuses NUL in text.
pub(crate) fn clean(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}

/// A length or a count as the index keeps it.
pub(crate) fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A length or a count as the index gives it back; negative only if the index is damaged.
pub(crate) fn to_u64(value: i64) -> Result<u64, StorageError> {
    u64::try_from(value).map_err(|_| StorageError::Corrupt("a negative number in the index"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_url() {
        assert_eq!(sqlite_url(Path::new("/a b/远?.db")), "sqlite:///a%20b/%E8%BF%9C%3F.db?mode=rwc");
    }

    #[test]
    fn placeholders_count_up() {
        assert_eq!(placeholders(2, 2), "($1,$2),($3,$4)");
    }
}
