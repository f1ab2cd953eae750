//! TLS: `[sip.tls]` of `hotline.toml`, and the keys of trunks whose gateways are spoken to over it.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use model::Time;
use text::{At, Section, Text, text};

use super::listening::{Listen, listeners};
use crate::signalling::{Listener, Tls};
use crate::system::clock::now;
use crate::tls::{self, Client, Clients, FileError, Identity, Trust, Version};

/// How long before the end of a certificate that is said.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// SIP over TLS; `plain`: the listeners of UDP and TCP, whose advertised addresses hold here too.
pub(super) fn listening(sip: &mut Section, plain: &[Listener]) -> Option<Tls> {
    let mut section = sip.section("tls")?;
    let listen = listeners(&mut section, plain);
    let identity = identity(&mut section, ("certificate", "key"));
    let clients = clients(&mut section);
    let asks_clients = clients.is_some();
    let least = section.parsed::<Version>("minimum_version").map(|at| at.value).unwrap_or_default();
    if matches!(identity, Ok(None)) {
        lacks_certificate(&section);
    }
    let made = identity.ok().flatten().and_then(|At { value: identity, line }| {
        let server = usable(&section, line, tls::server(&identity, clients, least));
        server.map(|server| (server, identity))
    });
    section.finish();
    let (server, Identity { fingerprint, until, .. }) = made?;
    Some(Tls { listen, server, asks_clients, fingerprint, until })
}

/// HTTP over TLS, beside the plain HTTP of the command line.
pub(super) fn web(http: &mut Section) -> Option<WebTls> {
    let mut section = http.section("tls")?;
    let listen = section.require::<Listen>("listen");
    let least = section.parsed::<Version>("minimum_version").map(|at| at.value).unwrap_or_default();
    let identity = identity(&mut section, ("certificate", "key"));
    if matches!(identity, Ok(None)) {
        lacks_certificate(&section);
    }
    let made = identity.ok().flatten().and_then(|At { value: identity, line }| {
        let server = usable(&section, line, tls::server(&identity, None, least));
        server.map(|server| (server, identity))
    });
    section.finish();
    let (listen, (server, Identity { fingerprint, until, .. })) = (listen?.value.0, made?);
    Some(WebTls { listen, server, fingerprint, until })
}

/// How TLS begins with a trunk's gateways.
pub(super) fn client(section: &mut Section) -> Option<Client> {
    let roots = section.string("tls_roots");
    let line = roots.as_ref().map_or_else(|| section.line(), |at| at.line);
    let trust = match roots {
        Some(At { value, line }) => sound(section, line, Trust::read(Path::new(&value)))?,
        None => Trust::public(),
    };
    let identity = identity(section, ("tls_certificate", "tls_key")).ok()?;
    usable(section, line, Client::new(trust, identity.as_ref().map(|at| &at.value)))
}

/// HTTP over TLS.
#[derive(Debug, Clone)]
pub struct WebTls {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What handshakes are answered with.
    pub server: Arc<rustls::ServerConfig>,
    /// What tells the certificate from another, in hexadecimal digits.
    pub fingerprint: String,
    /// When the certificate ends.
    pub until: Time,
}

/// What an operator should know of the certificate in this table: that it ends soon, or did.
pub(super) fn ending(table: &str, until: Time) -> Option<(Text, Text)> {
    let left = until.unix_ms().saturating_sub(now().unix_ms());
    if left > i64::try_from(SOON.as_millis()).unwrap_or(i64::MAX) {
        return None;
    }
    let message = if left > 0 {
        text!("the certificate of [{table}] ends soon: {until}", "[{table}] 的证书即将到期：{until}")
    } else {
        text!("the certificate of [{table}] has ended: {until}", "[{table}] 的证书已过期：{until}")
    };
    let hint = text!(
        "put a new one in its place, then hotline reload: no connection is lost",
        "请更换证书后执行 hotline reload，连接不会中断"
    );
    Some((message, hint))
}

/// What is wrong with a certificate has become a problem.
struct Reported;

/// A certificate and its key: both or none.
fn identity(
    section: &mut Section,
    (certificate, key): (&'static str, &'static str),
) -> Result<Option<At<Identity>>, Reported> {
    let (chain, secret) = (section.string(certificate), section.string(key));
    match (chain, secret) {
        (Some(At { value: chain, line }), Some(secret)) => {
            let read = Identity::read(Path::new(&chain), Path::new(&secret.value));
            let value = sound(section, line, read).ok_or(Reported)?;
            Ok(Some(At { value, line }))
        }
        (None, None) => Ok(None),
        (Some(At { line, .. }), None) | (None, Some(At { line, .. })) => {
            section.problem(
                line,
                text!("{certificate} and {key} belong together", "{certificate} 与 {key} 须同时填写"),
                text!("write both, or none", "请同时填写或同时删除"),
            );
            Err(Reported)
        }
    }
}

/// Who has to show a certificate, or may.
fn clients(section: &mut Section) -> Option<Clients> {
    let authorities = section.string("client_ca");
    let shown = section.parsed::<Wanted>("client_certificates");
    let Some(At { value, line }) = authorities else {
        if let Some(At { line, .. }) = shown {
            let message = text!("client_certificates needs client_ca", "client_certificates 需要 client_ca");
            let hint = text!("the PEM file of their authorities", "请写颁发机构的 PEM 文件");
            section.problem(line, message, hint);
        }
        return None;
    };
    let roots = sound(section, line, tls::authorities(Path::new(&value)))?;
    let are_required = shown.is_none_or(|at| at.value == Wanted::Required);
    Some(Clients { roots, are_required })
}

/// Whether a certificate is wanted of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Required,
    Optional,
}

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Wanted, &'static str> {
        match text {
            "required" => Ok(Wanted::Required),
            "optional" => Ok(Wanted::Optional),
            _ => Err("\"required\" or \"optional\""),
        }
    }
}

/// What was read, or a problem at the line that names the file.
fn sound<T>(section: &Section, line: u32, read: Result<T, FileError>) -> Option<T> {
    read.map_err(|error| section.problem(line, what(&error), hint(&error))).ok()
}

fn what(error: &FileError) -> Text {
    let zh = match error {
        FileError::Unreadable { path, source } => format!("无法读取 {}：{source}", path.display()),
        FileError::NoCertificate(path) => format!("{} 中没有证书", path.display()),
        FileError::NoKey(path) => format!("{} 中没有私钥", path.display()),
        FileError::OpenKey(path) => format!("本机所有用户都能读取 {}", path.display()),
        FileError::Unusable { path, source } => format!("{} 不可用：{source}", path.display()),
    };
    Text { en: error.to_string(), zh }
}

fn hint(error: &FileError) -> Text {
    match error {
        FileError::Unreadable { .. } => {
            text!("name a file that the center's user may read", "请指定系统用户可读的文件")
        }
        FileError::NoCertificate(_) => {
            text!("PEM: -----BEGIN CERTIFICATE-----, ours first", "请用 PEM 格式，本机证书在前")
        }
        FileError::NoKey(_) => {
            text!("PEM, without a passphrase: -----BEGIN PRIVATE KEY-----", "请用不加口令的 PEM 格式私钥")
        }
        FileError::OpenKey(path) => {
            let path = path.display();
            text!("chmod o= {path}", "请执行 chmod o= {path}")
        }
        FileError::Unusable { .. } => {
            text!("a certificate and the key that it was made for", "请提供相互匹配的证书和私钥")
        }
    }
}

/// What rustls made, or a problem.
fn usable<T>(section: &Section, line: u32, made: Result<T, rustls::Error>) -> Option<T> {
    made.map_err(|error| {
        let hint = text!("name another file", "请指定其他文件");
        section.problem(line, text!("TLS cannot use it: {error}", "TLS 无法使用：{error}"), hint);
    })
    .ok()
}

fn lacks_certificate(section: &Section) {
    section.problem(
        section.line(),
        text!("TLS needs certificate and key", "TLS 需要 certificate 和 key"),
        text!("the PEM files of both", "请写两者的 PEM 文件"),
    );
}
