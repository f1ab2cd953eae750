//! A database for one story.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Actor, Codec, Entry, Event, LegQuality, Time};
use sqlx::{AssertSqlSafe, Connection as _};
use testing::{BEGAN, Scratch};

use crate::db::Db;
use crate::{Journal, Store};

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) is_sqlite: bool,
    pub(crate) scratch: Scratch,
    /// Events that were appended.
    count: AtomicU64,
}

/// Tells the story to a new SQLite database, and to a new PostgreSQL database where there is a server.
pub(crate) fn each_database(name: &str, story: impl AsyncFn(World)) {
    runtime().block_on(async {
        let scratch = Scratch::new(&format!("{name}-sqlite"));
        let url = format!("sqlite:{}/hotline.db", scratch.path().display());
        story(World::open(&url, scratch).await).await;
        match std::env::var("HOTLINE_TEST_POSTGRES") {
            Ok(server) => {
                let url = new_postgres(&server, name).await;
                story(World::open(&url, Scratch::new(&format!("{name}-postgres"))).await).await;
            }
            Err(_) => eprintln!("{name}: SQLite only; HOTLINE_TEST_POSTGRES is not set"),
        }
    });
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) async fn new_postgres(server: &str, name: &str) -> String {
    let database = format!("hotline_{name}_{}", std::process::id());
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    let create = AssertSqlSafe(format!("CREATE DATABASE {database}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    let (base, options) = server.split_once('?').unwrap_or((server, ""));
    let (base, _) = base.rsplit_once('/').unwrap();
    format!("{base}/{database}?{options}")
}

impl World {
    async fn open(url: &str, scratch: Scratch) -> World {
        let store = Store::open(url).await.unwrap();
        World { store, is_sqlite: url.starts_with("sqlite"), scratch, count: AtomicU64::new(0) }
    }

    pub(crate) fn data(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_unix_ms(BEGAN + 100 * self.count.load(Ordering::Relaxed) as i64)
    }

    pub(crate) async fn journal(&self) -> Journal {
        Journal::start(&self.store, self.data()).await.unwrap()
    }

    /// Appends events that nobody caused, 100 ms apart.
    pub(crate) fn append(&self, journal: &Journal, events: impl IntoIterator<Item = Event>) {
        self.append_by(journal, None, events);
    }

    /// Appends events that somebody caused, 100 ms apart.
    pub(crate) fn append_by(
        &self,
        journal: &Journal,
        by: Option<Actor>,
        events: impl IntoIterator<Item = Event>,
    ) {
        for event in events {
            self.count.fetch_add(1, Ordering::Relaxed);
            journal.log().append(Entry { at: self.now(), by: by.clone(), event }).unwrap();
        }
    }

    /// Every row of every projection as text.
    pub(crate) async fn all_tables(&self) -> Vec<String> {
        all_tables(self.store.db()).await
    }

    /// The sequence numbers in the database.
    pub(crate) async fn journal_rows(&self) -> Vec<u64> {
        let rows = self.store.db().rows("SELECT seq FROM journal ORDER BY seq", &[]).await.unwrap();
        rows.into_iter().map(|mut row| row.count().unwrap()).collect()
    }
}

/// Every row of every projection as text.
pub(crate) async fn all_tables(db: &Db) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [
        "SELECT * FROM contacts ORDER BY id",
        "SELECT * FROM queue_visits ORDER BY entered_seq",
        "SELECT * FROM offers ORDER BY id",
        "SELECT * FROM segments ORDER BY id",
        "SELECT * FROM agents ORDER BY id",
        "SELECT * FROM agent_states ORDER BY agent, seq",
        "SELECT * FROM recordings ORDER BY id",
        "SELECT * FROM legal_holds ORDER BY contact",
        "SELECT * FROM quality ORDER BY seq",
    ] {
        let rows = db.rows(sql, &[]).await.unwrap();
        all.extend(rows.into_iter().map(|row| format!("{sql}: {row:?}")));
    }
    all
}

/// What a customer sounded like.
pub(crate) const QUALITY: LegQuality = LegQuality {
    codec: Codec::Opus,
    packets: 50,
    lost: 1,
    jitter_ms: 3,
    round_trip_ms: Some(20),
    mos: 4.21,
    speech_dbov: None,
    silence: 0.25,
    clipped_ms: 0,
    talk_over_ms: 140,
};
