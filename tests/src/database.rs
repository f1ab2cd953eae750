//! A PostgreSQL database of one's own, on the server that `HOTLINE_TEST_POSTGRES` names.

use std::env;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

/// A new database; dropped with all that is in it when this is dropped, so drop the center first.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A database that no other story has, in this process or another; `None` when no server is named.
    ///
    /// # Panics
    /// When the server that is named makes none.
    pub fn create() -> Option<Database> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = env::var("HOTLINE_TEST_POSTGRES").ok()?;
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hotline_story_{}_{nth}", process::id());
        query(&server, &format!("CREATE DATABASE {name}"));
        Some(Database { server, name })
    }

    /// The change of the sample configuration that puts a center on this database.
    pub fn change(&self) -> (&'static str, &'static str, String) {
        const SAMPLE: &str = "# url = \"postgres://hotline:password@127.0.0.1/hotline\"";
        ("hotline.toml", SAMPLE, format!("url = \"{}\"", self.url()))
    }

    /// What a query answers: a line for each row.
    pub fn query(&self, sql: &str) -> String {
        query(&self.url(), sql)
    }

    fn url(&self) -> String {
        let (server, options) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (server, _) = server.rsplit_once('/').expect("HOTLINE_TEST_POSTGRES names a database");
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{server}/{}{mark}{options}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let _ = Command::new("psql").args(["-qX", "-c", &drop, &self.server]).output();
    }
}

fn query(url: &str, sql: &str) -> String {
    let output = Command::new("psql").args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output();
    let output = output.expect("psql is installed (tests/install.sh)");
    assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
