//! One small surface over two databases.
//!
//! All statements are written once, with `$n` parameters that both databases accept, and use two column
//! types only: `BIGINT` and `TEXT`. So a parameter and a column are a [`Value`], and what differs between
//! the databases is in this file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Column as _, ConnectOptions as _, Connection as _, Row as _, SqlSafeStr as _, ValueRef as _};

use crate::value::values;
use crate::{Row, StoreError, Value, upgrade};

/// How long a reader waits for another process that holds SQLite's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a free connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that answer queries; the journal's own connection is not among them.
const READERS: u32 = 4;
/// The step of the schema that sets the log of the former form aside.
const SUBJECTS: i64 = 6;
/// The newest step: it drops the log of the former form.
const BROUGHT_OVER: i64 = 7;
/// The present schema.
const NEWEST: i64 = 8;
const STEP_DONE: &str = "SELECT version FROM _sqlx_migrations WHERE version = $1";

/// A database that is open and has the current schema.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    Sqlite { pool: SqlitePool, options: SqliteConnectOptions },
    Postgres { pool: PgPool, options: PgConnectOptions },
}

/// A connection beside the pool, for writing.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite { connection: SqliteConnection, file: OpenedFile },
    Postgres(PgConnection),
}

/// Which file a SQLite connection has open. A file that is deleted or replaced under an open connection
/// would take writes that nobody ever sees again.
#[derive(Debug)]
pub(crate) struct OpenedFile {
    path: PathBuf,
    inode: Option<u64>,
}

/// A statement and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

macro_rules! bound {
    ($database:ty, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query::<$database>($sql);
        for value in $values {
            query = match value {
                Value::Int(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.clone()),
            };
        }
        query
    }};
}

macro_rules! values_of {
    ($row:expr) => {{
        let row = $row;
        let mut values = Vec::with_capacity(row.len());
        for column in row.columns() {
            let index = column.ordinal();
            let raw = row.try_get_raw(index)?;
            let is_text = matches!(&*raw.type_info().to_string(), "TEXT" | "VARCHAR");
            values.push(match (raw.is_null(), is_text) {
                (true, _) => Value::Int(None),
                (false, true) => Value::Text(Some(row.try_get(index)?)),
                (false, false) => Value::Int(Some(row.try_get(index)?)),
            });
        }
        Row::new(values)
    }};
}

impl Db {
    /// Opens the database that `url` names and brings its schema up to date.
    pub(crate) async fn open(url: &str) -> Result<Db, StoreError> {
        let db = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Db::postgres(url)?
        } else if let Some(path) = sqlite_path(url) {
            Db::sqlite(path).await?
        } else {
            return Err(StoreError::UnknownUrl);
        };
        db.migrate().await?;
        Ok(db)
    }

    async fn sqlite(path: &Path) -> Result<Db, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|source| StoreError::File { path: folder.to_owned(), source })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on disk when it returns, because the spool is emptied after it.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        // The file is created here alone: if it vanishes later, that must be an error, and no empty file may take its
        // place.
        options.clone().create_if_missing(true).connect().await?.close().await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.clone());
        Ok(Db::Sqlite { pool, options })
    }

    fn postgres(url: &str) -> Result<Db, StoreError> {
        let options = url.parse::<PgConnectOptions>()?.disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.clone());
        Ok(Db::Postgres { pool, options })
    }

    /// The steps from an empty database to the current schema.
    pub(crate) fn migrator(&self) -> Migrator {
        macro_rules! steps {
            ($folder:literal: $($version:literal $name:literal),*) => {
                vec![$((
                    $version,
                    $name,
                    include_str!(concat!("../migrations/", $folder, "/000", $version, "_", $name, ".sql")),
                )),*]
            };
            ($folder:literal) => {
                steps!(
                    $folder: 1 "journal", 2 "legal_holds", 3 "quality", 4 "owner", 5 "diversions", 6 "subjects",
                    7 "brought_over", 8 "direction"
                )
            };
        }
        let steps: Vec<(i64, &'static str, &'static str)> = match self {
            Db::Sqlite { .. } => steps!("sqlite"),
            Db::Postgres { .. } => steps!("postgres"),
        };
        let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        };
        Migrator::with_migrations(steps.into_iter().map(migration).collect())
    }

    /// Brings the schema up to date, and the log into its present form.
    async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_to(SUBJECTS).await?;
        if self.rows(STEP_DONE, &values![BROUGHT_OVER]).await?.is_empty() {
            let events = upgrade::bring_over(self).await?;
            if events > 0 {
                tracing::warn!(events, "the log has been brought into its new form 事件日志已升级");
            }
        }
        self.migrate_to(NEWEST).await
    }

    /// Takes the steps up to this one that were not taken yet.
    pub(crate) async fn migrate_to(&self, step: i64) -> Result<(), StoreError> {
        let migrator = self.migrator();
        let migrated = match self {
            Db::Sqlite { pool, .. } => migrator.run_to(step, pool).await,
            Db::Postgres { pool, .. } => migrator.run_to(step, pool).await,
        };
        migrated.map_err(|error| match error {
            MigrateError::VersionMissing(found) => {
                let known = migrator.iter().map(|step| step.version).max().unwrap_or(0);
                StoreError::Newer { found, known }
            }
            error => StoreError::Migration(error),
        })
    }

    /// The database that `url` names, as it is: nothing is made or changed.
    pub(crate) fn untouched(url: &str) -> Result<Db, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Db::postgres(url);
        }
        let path = sqlite_path(url).ok_or(StoreError::UnknownUrl)?;
        let options =
            SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
        Ok(Db::Sqlite { pool: SqlitePoolOptions::new().connect_lazy_with(options.clone()), options })
    }

    /// The database's name for messages, without the password.
    pub(crate) fn place(&self) -> String {
        match self {
            Db::Sqlite { options, .. } => options.get_filename().display().to_string(),
            Db::Postgres { options, .. } => {
                let database = options.get_database().unwrap_or_else(|| options.get_username());
                format!("{database} at {}:{}", options.get_host(), options.get_port())
            }
        }
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match self {
            Db::Sqlite { options, .. } => Some(options.get_filename().to_owned()),
            Db::Postgres { .. } => None,
        }
    }

    /// A connection beside the pool.
    pub(crate) async fn connect(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Db::Sqlite { options, .. } => {
                let connection = options.connect().await?;
                let path = options.get_filename().to_owned();
                Connection::Sqlite { connection, file: OpenedFile { inode: inode(&path), path } }
            }
            Db::Postgres { options, .. } => Connection::Postgres(options.connect().await?),
        })
    }

    pub(crate) async fn rows(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        match self {
            Db::Sqlite { pool, .. } => {
                let rows = bound!(sqlx::Sqlite, sql, values).fetch_all(pool).await?;
                rows.iter().map(|row| Ok(values_of!(row))).collect()
            }
            Db::Postgres { pool, .. } => {
                let rows = bound!(sqlx::Postgres, sql, values).fetch_all(pool).await?;
                rows.iter().map(|row| Ok(values_of!(row))).collect()
            }
        }
    }

    /// Runs one statement of its own; the number of rows it touched.
    pub(crate) async fn execute(&self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        Ok(match self {
            Db::Sqlite { pool, .. } => bound!(sqlx::Sqlite, sql, values).execute(pool).await?.rows_affected(),
            Db::Postgres { pool, .. } => {
                bound!(sqlx::Postgres, sql, values).execute(pool).await?.rows_affected()
            }
        })
    }

    /// Closes the pool; queries fail from now on.
    pub(crate) async fn close(&self) {
        match self {
            Db::Sqlite { pool, .. } => pool.close().await,
            Db::Postgres { pool, .. } => pool.close().await,
        }
    }
}

/// The file of a URL that begins with `sqlite:`.
pub(crate) fn sqlite_path(url: &str) -> Option<&Path> {
    url.strip_prefix("sqlite:").map(|path| Path::new(path.strip_prefix("//").unwrap_or(path)))
}

impl Connection {
    /// Fails when the connection writes to a file that is not the database's file any more.
    pub(crate) fn check_file(&self) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite { file, .. } if file.inode.is_none() || inode(&file.path) != file.inode => {
                Err(StoreError::Replaced { path: file.path.clone() })
            }
            Connection::Sqlite { .. } | Connection::Postgres(_) => Ok(()),
        }
    }

    pub(crate) async fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<(), StoreError> {
        match self {
            Connection::Sqlite { connection, .. } => {
                bound!(sqlx::Sqlite, sql, values).execute(connection).await?;
            }
            Connection::Postgres(connection) => {
                bound!(sqlx::Postgres, sql, values).execute(connection).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        match self {
            Connection::Sqlite { connection, .. } => {
                let rows = bound!(sqlx::Sqlite, sql, values).fetch_all(connection).await?;
                rows.iter().map(|row| Ok(values_of!(row))).collect()
            }
            Connection::Postgres(connection) => {
                let rows = bound!(sqlx::Postgres, sql, values).fetch_all(connection).await?;
                rows.iter().map(|row| Ok(values_of!(row))).collect()
            }
        }
    }

    /// Closes the connection; a transaction in progress is rolled back.
    pub(crate) async fn close(self) {
        let closed = match self {
            Connection::Sqlite { connection, .. } => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "the database connection did not close cleanly");
        }
    }
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|metadata| metadata.ino())
}

#[cfg(not(unix))]
fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|_| 0)
}
