//! `trunks.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use ::sip::{Credentials, Encryption};
use center::TrunkLimits;
use model::Number;
use text::{At, Section, text};

use super::people::{terms, twice};
use super::tls;
use crate::signalling::{
    Gateway, Identity, Numbers, Outgoing, RegisterAt, Rewrite, Source, Terms, Tls, Trunk,
};
use crate::tls::PeerName;

/// What `trunks.toml` says: the trunks, and how many calls each may have.
pub(super) type Trunks = (Vec<Trunk>, BTreeMap<String, TrunkLimits>);

/// `spoken`: how SIP listens for TLS.
pub(super) fn read(mut file: Section, srtp: Encryption, spoken: Option<&Tls>) -> Trunks {
    let (mut trunks, mut limits) = Trunks::default();
    for mut section in file.list("trunk") {
        let name = section.require::<String>("name");
        let (mut sources, mut hosts) = (Vec::new(), Vec::new());
        for at in section.parsed_list::<Source>("sources") {
            match at.value {
                Source::Network(network) => sources.push(network),
                Source::Host(host) => hosts.push(host),
            }
        }
        let calls = most_calls(&mut section, "max_calls");
        let calls_per_source = most_calls(&mut section, "max_calls_per_source");
        let outgoing = outgoing(&mut section, calls, spoken.is_some());
        let client = client(&mut section, spoken);
        let account = outgoing.registration.as_ref().and(outgoing.credentials.as_ref());
        let account = account.map(|credentials| credentials.user.clone());
        let numbers = Numbers { account, ..numbers(&mut section) };
        let terms = Terms { numbers, ..terms(&mut section, srtp) };
        if let Some(At { value: name, line }) = name {
            if limits.insert(name.clone(), TrunkLimits { calls, calls_per_source }).is_some() {
                twice(&section, line, &name);
            }
            trunks.push(Trunk { name, sources, hosts, client, terms, outgoing });
        }
        section.finish();
    }
    file.finish();
    (trunks, limits)
}

/// Whose certificate shows that a call is the trunk's.
fn client(section: &mut Section, spoken: Option<&Tls>) -> Option<PeerName> {
    let At { value, line } = section.parsed::<PeerName>("tls_client")?;
    if !spoken.is_some_and(|tls| tls.asks_clients) {
        section.problem(
            line,
            text!("tls_client needs client_ca in [sip.tls]", "tls_client 需要 [sip.tls] 的 client_ca"),
            text!(
                "name there the file of the carrier's authority; with phones beside it, client_certificates = \"optional\"",
                "请在该处写运营商证书的颁发机构；若另有话机，请加 client_certificates = \"optional\""
            ),
        );
    }
    Some(value)
}

/// How a trunk's numbers are normalised.
fn numbers(section: &mut Section) -> Numbers {
    let trusts_identity = section.boolean("trust_identity").is_some_and(|at| at.value);
    let entry_by_diversion = section.boolean("entry_by_diversion").filter(|at| at.value);
    if let Some(At { line, .. }) = entry_by_diversion.as_ref().filter(|_| !trusts_identity) {
        section.problem(
            *line,
            text!("entry_by_diversion needs trust_identity", "entry_by_diversion 需要 trust_identity"),
            text!(
                "trust_identity = true, if the carrier lets nobody else write Diversion and History-Info",
                "若运营商保证转移信息可信，请加 trust_identity = true"
            ),
        );
    }
    Numbers {
        trusts_identity,
        entry_by_diversion: entry_by_diversion.is_some(),
        dialled: rules(section, "rewrite_dialled"),
        callers: rules(section, "rewrite_callers"),
        account: None,
    }
}

fn rules(section: &mut Section, key: &'static str) -> Vec<Rewrite> {
    section.parsed_list::<Rewrite>(key).into_iter().map(|at| at.value).collect()
}

/// Outgoing calls of a trunk: gateways, caller id, health checks.
fn outgoing(section: &mut Section, max_calls: Option<usize>, has_tls: bool) -> Outgoing {
    let gateways: Vec<At<Gateway>> = section.parsed_list("gateways");
    let weights = weights(section, gateways.len());
    let interval = section.integer("register_s", 60..=86_400).map_or(3_600, |at| at.value);
    let registrar = section.parsed::<Gateway>("register");
    let credentials = credentials(section);
    if let Some(At { line, .. }) = registrar.as_ref().filter(|_| credentials.is_none()) {
        section.problem(
            *line,
            text!("register needs username and password", "register 需要 username 和 password"),
            text!(
                "username = \"...\" and password = \"...\", from the provider",
                "请写运营商提供的账号和密码"
            ),
        );
    }
    let tls = tls::client(section);
    let secure = gateways.iter().chain(&registrar).find(|at| at.value.transport().is_secure());
    if let Some(At { line, .. }) = secure.filter(|_| !has_tls) {
        section.problem(
            *line,
            text!(
                "a gateway is reached over TLS, but SIP listens for none",
                "网关使用 TLS，但 SIP 未监听 TLS"
            ),
            text!(
                "add [sip.tls] to hotline.toml: the carrier's requests in our calls come there",
                "请在 hotline.toml 中加 [sip.tls]：运营商的会话内请求发往该地址"
            ),
        );
    }
    let tls = tls.filter(|_| secure.is_some());
    let per_second = section.integer("calls_per_second", 1..=1_000);
    let options = section.integer("options_s", 0..=3_600).map_or(30, |at| at.value);
    let progress = section.integer("progress_s", 0..=120).map_or(20, |at| at.value);
    Outgoing {
        gateways: gateways.into_iter().map(|at| at.value).collect(),
        weights,
        credentials,
        registration: registrar
            .map(|at| RegisterAt { registrar: at.value, interval: Duration::from_secs(interval) }),
        caller: section.parsed::<Number>("caller_id").map(|at| at.value),
        identity: section.parsed::<Identity>("identity").map(|at| at.value).unwrap_or_default(),
        rewrite: rules(section, "rewrite_outgoing"),
        calls_per_second: per_second.and_then(|at| u32::try_from(at.value).ok()),
        max_calls,
        options: (options > 0).then(|| Duration::from_secs(options)),
        progress: (progress > 0).then(|| Duration::from_secs(progress)),
        tls,
    }
}

/// How often each gateway is tried first: a number for each gateway, or none at all.
fn weights(section: &mut Section, gateways: usize) -> Vec<u16> {
    let weights = section.integers("weights", 0..=65_535);
    let count = weights.len();
    if let Some(At { line, .. }) = weights.first().filter(|_| count != gateways) {
        section.problem(
            *line,
            text!(
                "weights has {count} numbers for {gateways} gateways",
                "weights 有 {count} 个数，gateways 有 {gateways} 个网关"
            ),
            text!("one number for each gateway, in their order", "请按顺序为每个网关写一个数"),
        );
        return Vec::new();
    }
    weights.into_iter().filter_map(|at| u16::try_from(at.value).ok()).collect()
}

/// `username` and `password`: both or none.
fn credentials(section: &mut Section) -> Option<Credentials> {
    let (user, password) = (section.string("username"), section.string("password"));
    match (user, password) {
        (Some(user), Some(password)) => {
            let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'()&=+$,".contains(c);
            if user.value.is_empty() || !user.value.chars().all(is_word) {
                let hint = text!("letters, digits and -_.+ such as in an address", "请使用字母、数字和 -_.+");
                section.problem(user.line, text!("username is no user of an address", "username 无效"), hint);
            }
            Some(Credentials { user: user.value, password: password.value, realm: None })
        }
        (None, None) => None,
        (Some(At { line, .. }), None) | (None, Some(At { line, .. })) => {
            let message = text!("username and password belong together", "username 与 password 须同时填写");
            section.problem(line, message, text!("write both, or none", "请同时填写或同时删除"));
            None
        }
    }
}

fn most_calls(section: &mut Section, key: &'static str) -> Option<usize> {
    section.integer(key, 1..=100_000).and_then(|at| usize::try_from(at.value).ok())
}
