//! `hotline demo`: a center on free loopback ports with simulated customers and agents that speak real SIP
//! and RTP to it, a live board, and a summary.

mod board;
mod people;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use model::{AgentId, Seed};
use store::{ContactFilter, RecordingFilter, Store};
use tokio::task::JoinSet;

use crate::config::{Configuration, Ports};
use crate::serve::{self, Running};
use crate::shown::output;
use crate::signalling::{Listener, Terms, Trunk};
use crate::system::clock::now;
use crate::system::folders::Folders;
use board::Board;
use people::{Customer, Seat};

/// The size of the demonstration.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Customers who call.
    pub calls: u32,
    /// Agents who answer.
    pub agents: u32,
    /// How long customers keep coming, in seconds.
    pub seconds: u64,
}

/// Runs the demonstration; its data and recordings lie in a new folder below `data`.
///
/// # Errors
/// When the center cannot start.
pub async fn run(mut configuration: Configuration, data: &Path, scale: Scale) -> anyhow::Result<()> {
    let demos = data.join("demo");
    remove_old(&demos);
    let folder = demos.join(now().unix_ms().to_string());
    let folders = Folders { data: folder.clone(), recordings: folder.join("recordings") };
    // Its recordings are there to be listened to.
    configuration.server.encryption_key = None;
    let passwords = populate(&mut configuration, scale.agents);
    let queues = configuration.queue_names();
    let running = serve::start(configuration, &folders, None).await?;
    let sip = *running.sip.plain.first().context("SIP listens nowhere")?;
    output::print(format_args!(
        "A center runs for this show alone: SIP {}, HTTP {} 演示用中心已启动",
        sip, running.http
    ));
    let mut phones = JoinSet::new();
    seat_agents(&mut phones, sip, passwords);
    let mut customers = JoinSet::new();
    let gap = Duration::from_secs(scale.seconds) / scale.calls.max(1);
    let mut seed = Seed::new(u64::try_from(now().unix_ms()).unwrap_or(0)).fork("demo customers");
    let mut board = Board::new(scale.calls, queues);
    let began = tokio::time::Instant::now();
    let mut started = 0;
    let limit = Duration::from_secs(scale.seconds + 60);
    while began.elapsed() < limit && (started < scale.calls || !customers.is_empty()) {
        while started < scale.calls && began.elapsed() >= gap * started {
            customers.spawn(Customer::draw(started, sip, &mut seed).call());
            started += 1;
        }
        board.follow(running.store(), Duration::from_millis(200)).await?;
        board.show();
        while customers.try_join_next().is_some() {}
    }
    finish(running, phones, board, &folders).await
}

/// Removes the folders of demonstrations older than an hour. Their names are the time of their start, in ms.
fn remove_old(demos: &Path) {
    const KEPT_MS: i64 = 3_600_000;
    let Ok(entries) = std::fs::read_dir(demos) else { return };
    for entry in entries.flatten() {
        let began = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
        if began.is_some_and(|began| began.saturating_add(KEPT_MS) < now().unix_ms()) {
            // A file that cannot be removed does no harm.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Agents of the demonstration alone, in every queue; loopback ports; SQLite.
fn populate(configuration: &mut Configuration, agents: u32) -> Vec<(AgentId, String)> {
    let server = &mut configuration.server;
    server.sip = vec![Listener::new(SocketAddr::from(([127, 0, 0, 1], 0)))];
    server.sip_tls = None;
    server.http_tls = None;
    server.http = SocketAddr::from(([127, 0, 0, 1], 0));
    server.rtp = Ports(40_000..=49_999);
    server.database = None;
    server.drain_limit = Duration::from_secs(5);
    let all = configuration.queue_names();
    for queue in &mut configuration.acd.queues {
        queue.wrap_up = Duration::from_secs(2);
    }
    let ids = (1..=agents).filter_map(|nth| format!("demo-{nth}").parse::<AgentId>().ok());
    let passwords: Vec<_> = ids.map(|id| (id, format!("{:016x}", secret()))).collect();
    configuration.acd.agents = passwords
        .iter()
        .map(|(id, _)| acd::AgentConfig {
            id: id.clone(),
            queues: all.clone(),
            starts_ready: true,
            miss_limit: 3,
            rest_after_miss: Duration::from_secs(2),
        })
        .collect();
    configuration.passwords =
        passwords.iter().map(|(id, password)| (id.clone(), password.clone().into())).collect();
    configuration.digests.clear();
    let loopback = crate::signalling::Network::new(std::net::IpAddr::from([127, 0, 0, 0]), 8);
    configuration.trunks = vec![Trunk {
        name: "demo".to_owned(),
        sources: loopback.into_iter().collect(),
        hosts: Vec::new(),
        client: None,
        terms: Terms::default(),
        outgoing: crate::signalling::Outgoing::default(),
    }];
    // The demonstration's telephones have no SRTP.
    configuration.seats.clear();
    passwords
}

/// A number that cannot be guessed within the minute of the demo.
fn secret() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => u64::try_from(now().unix_ms()).unwrap_or(0),
    }
}

fn seat_agents(phones: &mut JoinSet<()>, center: SocketAddr, passwords: Vec<(AgentId, String)>) {
    for (id, password) in passwords {
        phones.spawn(async move {
            let name = id.clone();
            if let Err(error) = (Seat { id, password, center }).work().await {
                tracing::warn!(agent = %name, %error, "a simulated seat failed");
            }
        });
    }
}

async fn finish(
    running: Running,
    mut seats: JoinSet<()>,
    mut board: Board,
    folders: &Folders,
) -> anyhow::Result<()> {
    let store = running.store().clone();
    board.follow(&store, Duration::from_millis(500)).await?;
    board.show();
    seats.abort_all();
    let summary = summary(&store, folders).await;
    running.stop(std::future::pending()).await;
    output::print(board.summary());
    output::print(summary?);
    Ok(())
}

/// The longest recordings, to listen to.
async fn summary(store: &Store, folders: &Folders) -> anyhow::Result<String> {
    let filter = RecordingFilter { limit: 1000, ..RecordingFilter::default() };
    let mut recordings = store.recordings(&filter).await.with_context(|| "list the recordings")?;
    recordings.sort_by_key(|row| std::cmp::Reverse(row.duration_ms));
    let contacts = ContactFilter { limit: 1000, ..ContactFilter::default() };
    let contacts = store.contacts(&contacts).await.with_context(|| "list the contacts")?;
    let mut text = format!("{} contacts, {} recordings. Listen to 请听：", contacts.len(), recordings.len());
    for row in recordings.iter().take(3) {
        text.push_str(&format!("\n  {}", folders.recordings.join(&row.path).display()));
    }
    Ok(text)
}
