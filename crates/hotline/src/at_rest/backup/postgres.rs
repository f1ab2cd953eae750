//! PostgreSQL's own tools, which know best how its databases are copied.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Has `pg_dump` write a consistent copy, in its custom format.
///
/// # Errors
/// When it is not installed, or fails.
pub(super) fn dump(url: &str, to: &Path) -> anyhow::Result<()> {
    run(url, "pg_dump", |command, url| {
        command.args(["--format=custom", "--no-owner", "--file"]).arg(to).arg(format!("--dbname={url}"));
    })
}

/// Has `pg_restore` fill an empty database, whole or not at all.
///
/// # Errors
/// When it is not installed, or fails: the database has tables already, for one.
pub(super) fn fill(url: &str, from: &Path) -> anyhow::Result<()> {
    run(url, "pg_restore", |command, url| {
        command.args(["--single-transaction", "--exit-on-error", "--no-owner"]);
        command.arg(format!("--dbname={url}")).arg(from);
    })
}

fn run(url: &str, tool: &str, arguments: impl FnOnce(&mut Command, &str)) -> anyhow::Result<()> {
    let (url, password) = without_password(url);
    let mut command = Command::new(tool);
    arguments(&mut command, &url);
    // Other users see a command's arguments, not its environment.
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    let output = command.output().with_context(|| {
        format!(
            "run {tool}, which copies a PostgreSQL database: install PostgreSQL's client tools, of the server's version or newer \
             请安装 PostgreSQL 客户端工具"
        )
    })?;
    if !output.status.success() {
        bail!("{tool} failed 执行失败: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A database URL and, taken out of it, the password.
fn without_password(url: &str) -> (String, Option<String>) {
    let whole = || (url.to_owned(), None);
    let Some((scheme, rest)) = url.split_once("://") else { return whole() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else { return whole() };
    let Some((name, password)) = user.split_once(':') else { return whole() };
    (format!("{scheme}://{name}@{host}{path}"), Some(decoded(password)))
}

/// Percent-encoding undone (RFC 3986 section 2.1).
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(rest.get(..at).unwrap_or_default().as_bytes());
        let byte = rest.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = rest.get(at + if byte.is_some() { 3 } else { 1 }..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_stays_out_of_the_arguments() {
        let (url, password) =
            without_password("postgres://hotline:p%40ss%3A@db.example:5433/calls?sslmode=require");
        assert_eq!(url, "postgres://hotline@db.example:5433/calls?sslmode=require");
        assert_eq!(password.as_deref(), Some("p@ss:"));
        for url in ["postgres://hotline@%2Ftmp%2Fa/postgres", "postgres:///calls", "postgres://db/calls"] {
            assert_eq!(without_password(url), (url.to_owned(), None));
        }
        assert_eq!(decoded("100%"), "100%");
    }
}
