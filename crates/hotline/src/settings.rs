//! The settings that each part of a running center takes from a configuration, at the start and at each reload.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use archive::{CenterKeys, Schedule};
use model::ContactId;

use crate::config::{Configuration, Server};
use crate::observer::Limits;
use crate::signalling::{self, Network};
use crate::system::folders::Folders;

/// Maker of the first SIP shard's ids; the center's are below.
pub(crate) const MAKER_SIGNALLING: u16 = 8;

/// When the rules are applied; `None` where that is only done when it is ordered.
pub(crate) fn schedule(server: &Server) -> Option<Schedule> {
    server.retention_at.map(|at| Schedule { minute: at.minutes(), zone: server.zone.clone() })
}

/// The path of a new recording, encrypted.
fn encrypted_path(contact: ContactId, date: (i64, u32, u32)) -> String {
    archive::path_of(contact, date, true)
}

/// The path of a new recording, in the clear.
fn clear_path(contact: ContactId, date: (i64, u32, u32)) -> String {
    archive::path_of(contact, date, false)
}

/// What the media threads need of a configuration.
pub(crate) fn media_settings(
    configuration: &Configuration,
    folders: &Folders,
    keys: &Arc<CenterKeys>,
) -> media::Settings {
    let server = &configuration.server;
    let mut settings = media::Settings::new(
        server.sip.first().map_or(IpAddr::from([127, 0, 0, 1]), |listener| listener.bind.ip()),
        server.rtp.0.clone(),
        folders.recordings.clone(),
        Arc::clone(&configuration.prompts),
    );
    settings.threads = server.media_threads;
    settings.realtime = server.realtime;
    settings.silence_timeout = server.silence;
    settings.recordings_fallback = server.recordings_fallback.clone();
    settings.keys = Arc::clone(keys);
    let listeners = server.sip.iter().chain(server.sip_tls.iter().flat_map(|tls| &tls.listen));
    let mut addresses = listeners.map(|listener| (listener.bind.ip(), listener.advertised_ip()));
    if let Some((_, told)) = addresses.next() {
        settings.advertised_ip = told;
    }
    settings.others = addresses.collect();
    settings
}

/// What the API needs of a configuration.
pub(crate) fn api_settings(configuration: &Configuration) -> api::Settings {
    let server = &configuration.server;
    api::Settings {
        hearing: configuration.hearing(),
        retention: server.retention.clone(),
        agents: configuration.agent_ids(),
        queues: configuration.queue_names(),
        directory: Arc::new(configuration.directory.clone()),
        tls: server.http_tls.as_ref().map(|tls| Arc::clone(&tls.server)),
        sockets: server.websocket.then(|| api::Origins {
            allowed: server.websocket_origins.iter().map(|origin| origin.0.clone()).collect(),
        }),
        is_proxy: is_one_of(&server.trusted_proxies),
    }
}

/// What the signalling shell needs of a configuration.
pub(crate) fn signalling_settings(configuration: &Configuration) -> signalling::Settings {
    let server = &configuration.server;
    signalling::Settings {
        listen: server.sip.clone(),
        tls: server.sip_tls.clone(),
        realm: server.realm.clone(),
        agents: configuration.passwords.clone(),
        digests: configuration.digests.clone(),
        seats: configuration.seats.clone(),
        trunks: configuration.trunks.clone(),
        name_servers: server.name_servers.clone(),
        emergency: configuration.dialling.emergency.numbers.clone(),
        inside: configuration.inside_numbers(),
        entries: configuration.routes.keys().cloned().collect(),
        pings: server.pings,
        patience: server.patience,
        prack: server.prack,
        redirects: server.redirects,
        first_maker: MAKER_SIGNALLING,
        ..signalling::Settings::new(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

/// Whether an address is in one of these networks.
fn is_one_of(networks: &[Network]) -> Arc<dyn Fn(IpAddr) -> bool + Send + Sync> {
    let networks = networks.to_vec();
    Arc::new(move |address| networks.iter().any(|network| network.contains(address)))
}

/// The limits that the observer names beside refusals.
pub(crate) fn limits(server: &Server) -> Limits {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Limits {
        calls: number(server.max_calls),
        rtp_pairs: number(server.rtp.0.len() / 2),
        media_threads: number(server.media_threads),
    }
}

/// What the center needs of a configuration.
pub(crate) fn center_config(configuration: Configuration) -> center::Config {
    center::Config {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        routes: configuration.routes,
        feature_codes: configuration.feature_codes,
        typed_codes: configuration.typed_codes,
        acd: configuration.acd,
        zone: configuration.server.zone.clone(),
        recording_path: if configuration.server.encryption_key.is_some() {
            encrypted_path
        } else {
            clear_path
        },
        max_calls: configuration.server.max_calls,
        media_threads: configuration.server.media_threads,
        trunks: configuration.trunk_limits,
        longest_waits: configuration.longest_waits,
        lost_agent_ends: configuration.lost_agent_ends,
        silence: configuration.server.silence,
        secure_input_limit: configuration.server.secure_input,
        extensions: configuration.extensions,
        parking: configuration.server.parking.clone(),
        dialling: configuration.dialling,
        directory: configuration.directory,
        outbound: configuration.outbound,
    }
}
