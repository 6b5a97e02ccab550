//! Connections to the index: SQLite or PostgreSQL through one driver interface, and what their errors mean.

use crate::StorageError;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Executor as _, Row as _};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Which database stands behind the index. Only locking and a few settings differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// How a transaction of the writer begins.
    pub fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// What makes the connection flush the next transactions so; outside of a transaction, and never prepared: SQLite does
    /// it as it reads the text.
    pub fn flushing(self, flush: Flush) -> Option<&'static str> {
        match (self, flush) {
            (Self::Sqlite, Flush::Now) => Some("PRAGMA synchronous=FULL"),
            (Self::Sqlite, Flush::Later) => Some("PRAGMA synchronous=NORMAL"),
            (Self::Postgres, _) => None,
        }
    }
}

/// When a committed transaction is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// With its commit.
    Now,
    /// With a later one that is flushed, or a checkpoint; only on SQLite (`docs/decisions/0014`).
    Later,
}

/// The index: many readers, and the one connection of the committing writer.
#[derive(Clone)]
pub(crate) struct Database {
    pub readers: AnyPool,
    pub writer: AnyPool,
    pub dialect: Dialect,
}

const READERS_MAX: u32 = 8;
/// Far more events than a node writes before the index is flushed again.
const EVENTS_SKIPPED: u32 = 1 << 20;
/// The longest statement that is kept prepared.
const PREPARED_BYTES_MAX: usize = 16 * 1024;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Statements of readers are made so that there is one good plan, which need not be made anew for each value: along an
/// index, in its order, few rows. What sorts or compiles first is never worth it.
const POSTGRES_READER: &str = "SET default_transaction_read_only = on; SET plan_cache_mode = force_generic_plan; \
     SET jit = off; SET enable_bitmapscan = off; SET random_page_cost = 1.1";

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
        // WAL keeps readers and the writer out of each other's way; FULL makes a committed transaction durable. The
        // writer sets `synchronous` anew where it need not be.
        let common = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000; \
                      PRAGMA foreign_keys=ON; PRAGMA case_sensitive_like=ON; PRAGMA temp_store=MEMORY; \
                      PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16384;";
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

    /// Lets a connection of SQLite keep 256 MiB of the index instead of 16, for work that touches all of it once.
    pub async fn cache_much(&self, connection: &mut AnyConnection, much: bool) -> Result<(), StorageError> {
        match self.dialect {
            Dialect::Postgres => Ok(()),
            Dialect::Sqlite => connection
                .execute(if much { "PRAGMA cache_size=-262144" } else { "PRAGMA cache_size=-16384" })
                .await
                .map(|_| ())
                .map_err(|e| error(&e, "sizing the index's cache")),
        }
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
                Box::pin(async move { connection.execute(POSTGRES_READER).await.map(|_| ()) })
            })
            .connect(url)
            .await
            .map_err(|e| error(&e, "connecting to PostgreSQL"))?;
        Ok(Self { readers, writer, dialect: Dialect::Postgres })
    }

    /// After a crash: leaves out numbers of the outbox that may have been given to events whose rows are lost, so that
    /// whoever has seen those does not miss the events that come now.
    pub async fn skip_outbox(&self) -> Result<(), StorageError> {
        if self.dialect == Dialect::Postgres {
            // Commits are flushed there: nothing is lost that anyone has seen.
            return Ok(());
        }
        let place = "numbering events anew";
        let mut connection = self.writer.acquire().await.map_err(at(place))?;
        let text = format!(
            "BEGIN IMMEDIATE; \
             INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', 0 \
             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox'); \
             UPDATE sqlite_sequence SET seq = seq + {EVENTS_SKIPPED} WHERE name = 'outbox'; COMMIT"
        );
        connection.execute(sql(text)).await.map_err(at(place)).map(|_| ())
    }

    /// Closes both pools; SQLite checkpoints its log.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Rows out of a JSON array of arrays that is one value, named `j`; `j.value ->> 0` is the first text of each.
    pub fn each(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "json_each(?) AS j",
            Dialect::Postgres => "json_array_elements(?::json) AS j(value)",
        }
    }

    /// What asks for a statement's plan instead of its rows.
    pub fn explain(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "EXPLAIN QUERY PLAN ",
            Dialect::Postgres => "EXPLAIN ",
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

/// Copies all that SQLite's log holds into the index, durably, and empties the log. Whether it could: a reader may be in
/// it for longer than a second.
pub(crate) async fn begin_log_anew(connection: &mut AnyConnection) -> Result<bool, StorageError> {
    let place = "beginning the index's log anew";
    let text = "PRAGMA busy_timeout=1000; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout=30000";
    let rows = sqlx::query(text).fetch_all(connection).await.map_err(at(place))?;
    // Of the three answers, the one of whether it was busy, and how many frames there were and are copied.
    let row = rows.iter().find(|row| row.len() == 3).ok_or(StorageError::Corrupt("a checkpoint's answer"))?;
    row.try_get::<i64, _>(0).map(|busy| busy == 0).map_err(at(place))
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
    Bytes(Vec<u8>),
}

type AnyQuery = sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>;

impl Bound {
    /// Puts it behind the values that the query has already.
    pub fn bind(self, query: AnyQuery) -> AnyQuery {
        match self {
            Self::Text(text) => query.bind(text),
            Self::Number(number) => query.bind(number),
            Self::Bytes(bytes) => query.bind(bytes),
        }
    }
}

impl From<&str> for Bound {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Bound {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Bound {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&[u8]> for Bound {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
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

    /// The statement with its values. Planning takes longer than a search, and people ask in few ways: statements are
    /// kept prepared, except the very long ones, which are lists of UIDs.
    pub fn query(self, text: String) -> AnyQuery {
        let is_kept = text.len() <= PREPARED_BYTES_MAX;
        self.0.into_iter().fold(sqlx::query(sql(text)).persistent(is_kept), |query, value| value.bind(query))
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
