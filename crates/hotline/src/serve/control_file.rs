//! The file by which the command line of this machine reaches the running center.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use store::{Role, Store};

use crate::control::CONTROL;
use crate::signalling::Addresses;
use crate::system::clock::now;

/// Writes the file. The token of the last run is kept while it stands; otherwise a new one is made.
///
/// # Errors
/// When no token can be made or the file cannot be written.
pub(super) async fn write(
    store: &Store,
    data: &Path,
    http: SocketAddr,
    sip: &Addresses,
) -> anyhow::Result<()> {
    let path = data.join(CONTROL);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let mut secret = before.lines().nth(1).unwrap_or_default().to_owned();
    if !matches!(store.authenticate(&secret).await, Ok(Some(_))) {
        let made = now();
        let name = format!("command-line-{}", made.unix_ms());
        let made = store.create_token(&name, Role::Admin, None, made).await;
        secret = made.with_context(|| "make the control token")?;
    }
    let sip: Vec<String> = sip.plain.iter().chain(&sip.secure).map(ToString::to_string).collect();
    write_private(&path, &format!("{http}\n{secret}\n{}\n", sip.join(" ")))
        .with_context(|| format!("write {}", path.display()))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // A file that is there may be readable by others: its mode is set only when it is made.
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
