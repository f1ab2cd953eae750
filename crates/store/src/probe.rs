//! Looks whether a database can be used, and changes nothing in it.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::db::{Connection, Db, sqlite_path};
use crate::{StoreError, value::values};

/// How long a database has for all that is asked of it: at the start, and when every page is read.
const LIMIT: Duration = Duration::from_secs(10);
const WHOLE_LIMIT: Duration = Duration::from_secs(600);

/// How thoroughly a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every page of a file of at most 64 MiB (about 0.2 s), of a larger one only what is needed to open it.
    Start,
    /// Every page.
    Whole,
}

/// Bytes of a file that is read as a whole at the start.
const READ_AT_START: u64 = 64 << 20;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Which database: the file, or host, port and name; never a password.
    pub place: String,
    /// The schema in it: 0 for none yet.
    pub schema: i64,
    /// The schema that this program works with; a lower one in the database is brought up to it at the start.
    pub known: i64,
}

/// Where the database of a URL is, for people: the file, or user, host, port and name. No password.
pub fn place(url: &str) -> String {
    if let Some(path) = sqlite_path(url) {
        return format!("SQLite {}", path.display());
    }
    if let (true, Ok(options)) = (url.starts_with("postgres"), url.parse::<PgConnectOptions>()) {
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        return format!("PostgreSQL {}:{}/{database}", options.get_host(), options.get_port());
    }
    // What stands before the colon: behind it there may be a password.
    let scheme = url.split(':').next().unwrap_or_default();
    format!("{}:…", scheme.chars().take(40).collect::<String>())
}

/// The file of an SQLite database; `None` for another kind.
pub fn database_file(url: &str) -> Option<&Path> {
    sqlite_path(url)
}

/// Whether the database that `url` names can be reached, read and written by this program.
///
/// # Errors
/// Why not.
pub async fn probe(url: &str, depth: Depth) -> Result<Probed, StoreError> {
    let db = Db::untouched(url)?;
    let known = db.migrator().iter().map(|step| step.version).max().unwrap_or(0);
    let limit = if depth == Depth::Whole { WHOLE_LIMIT } else { LIMIT };
    let found = match tokio::time::timeout(limit, look(&db, depth)).await {
        Ok(found) => found.map_err(name_damage)?,
        Err(_) => return Err(StoreError::TimedOut { seconds: limit.as_secs() }),
    };
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(Probed { place: place(url), schema: found, known })
}

/// The newest schema in the database, 0 for none.
async fn look(db: &Db, depth: Depth) -> Result<i64, StoreError> {
    let mut connection = match db {
        Db::Sqlite { options, .. } => {
            let path = options.get_filename().to_owned();
            let Some(bytes) = file(&path)? else { return Ok(0) };
            let mut connection = db.connect().await?;
            if depth == Depth::Whole || bytes <= READ_AT_START {
                read_every_page(&mut connection).await?;
            }
            connection
        }
        Db::Postgres { options, .. } => {
            let mut connection = Connection::Postgres(options.connect().await?);
            may_write(&mut connection).await?;
            connection
        }
    };
    let there = match db {
        Db::Sqlite { .. } => {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        }
        Db::Postgres { .. } => "SELECT CAST(COUNT(to_regclass('_sqlx_migrations')) AS BIGINT)",
    };
    let schema = match number(&mut connection, there).await? {
        0 => 0,
        _ => number(&mut connection, "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").await?,
    };
    connection.close().await;
    Ok(schema)
}

/// The size of a file that can be read and written; `None` where none is yet.
fn file(path: &PathBuf) -> Result<Option<u64>, StoreError> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    match opened.and_then(|file| file.metadata()) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::File { path: path.clone(), source }),
    }
}

async fn read_every_page(connection: &mut Connection) -> Result<(), StoreError> {
    let rows = connection.rows("PRAGMA quick_check(1)", &values![]).await?;
    let said: String = rows.into_iter().next().map_or(Ok("ok".to_owned()), |mut row| row.text())?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Damaged { what: said }) }
}

async fn may_write(connection: &mut Connection) -> Result<(), StoreError> {
    const STANDBY: &str = "SELECT CAST(CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS BIGINT)";
    const MAY_CREATE: &str =
        "SELECT CAST(CASE WHEN has_schema_privilege(current_schema(), 'CREATE') THEN 1 ELSE 0 END AS BIGINT)";
    if number(connection, STANDBY).await? == 1 {
        return Err(StoreError::ReadOnly { why: "it is a standby" });
    }
    if number(connection, MAY_CREATE).await? == 0 {
        return Err(StoreError::ReadOnly { why: "this user may not create tables" });
    }
    Ok(())
}

async fn number(connection: &mut Connection, sql: &'static str) -> Result<i64, StoreError> {
    let row = connection.rows(sql, &values![]).await?.into_iter().next();
    row.map_or(Ok(0), |mut row| row.int())
}

/// Words of SQLite for a file that is no database of its, or a broken one (its result codes 11 and 26).
fn name_damage(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("11" | "26"))
                || error.message().contains("malformed") =>
        {
            StoreError::Damaged { what: error.message().to_owned() }
        }
        error => error,
    }
}
