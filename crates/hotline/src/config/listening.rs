//! Addresses in `[sip]` of `hotline.toml`: where it listens, what peers send to, and name servers.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use text::{At, Section, text};

use crate::signalling::Listener;

/// An address and port to listen on; a name is looked up when the file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listen(pub(super) SocketAddr);

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Listen, &'static str> {
        const WANTED: &str =
            "an address and a port, such as 192.0.2.10:5060, [2001:db8::1]:5060 or a name and a port";
        if let Ok(address) = text.parse() {
            return Ok(Listen(address));
        }
        let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
        found.map(Listen).ok_or(WANTED)
    }
}

/// A name server: an address, and the port when it is not 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NameServer(pub(super) SocketAddr);

impl FromStr for NameServer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<NameServer, &'static str> {
        let with_port = text.parse().ok();
        let address = with_port.or_else(|| text.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 53)));
        address.map(NameServer).ok_or("an address, such as 192.0.2.53 or 192.0.2.53:5353")
    }
}

/// The listeners in the order of the file. Each of `advertised` belongs to the listeners of its IP version: one to all
/// of them, several to one each, in order. Without it a wildcard address is advertised as the first of `others` of its IP
/// version is.
pub(super) fn listeners(sip: &mut Section, others: &[Listener]) -> Vec<Listener> {
    let listen = sip.require_list::<Listen>("listen");
    let advertised = sip.parsed_list::<IpAddr>("advertised");
    let mut listeners: Vec<Listener> = listen.iter().map(|at| Listener::new(at.value.0)).collect();
    for is_v4 in [true, false] {
        let told: Vec<&At<IpAddr>> = advertised.iter().filter(|at| at.value.is_ipv4() == is_v4).collect();
        let concerned: Vec<&mut Listener> =
            listeners.iter_mut().filter(|listener| listener.bind.is_ipv4() == is_v4).collect();
        let Some(first) = told.first() else { continue };
        if concerned.is_empty() && !listen.is_empty() {
            mixed(sip, first.line);
        }
        if told.len() > 1 && told.len() != concerned.len() {
            uneven(sip, first.line);
        }
        for (nth, listener) in concerned.into_iter().enumerate() {
            let at = if told.len() == 1 { Some(first) } else { told.get(nth) };
            listener.advertised = at.map(|at| at.value);
        }
    }
    for listener in listeners.iter_mut().filter(|listener| listener.advertised_ip().is_unspecified()) {
        let alike = others.iter().find(|other| other.bind.is_ipv4() == listener.bind.is_ipv4());
        listener.advertised = alike.map(|other| other.advertised_ip());
    }
    check(sip, &listen, &listeners);
    listeners
}

/// Each listener needs an address that peers can reach, and no two listeners may share one.
fn check(sip: &Section, listen: &[At<Listen>], listeners: &[Listener]) {
    for (nth, (listener, at)) in listeners.iter().zip(listen).enumerate() {
        let (bind, told) = (listener.bind, listener.advertised_ip());
        if told.is_unspecified() || told.is_multicast() {
            sip.problem(
                at.line,
                text!("{bind}: peers cannot be told the address {told}", "{bind}：{told} 不能作为对外地址"),
                text!(
                    "advertised = \"192.0.2.10\": the address that phones and trunks reach this machine by, one for each IP version",
                    "请用 advertised 指定话机和中继可达的本机地址，每个 IP 版本一个"
                ),
            );
        }
        let same = |other: &Listener| {
            bind.port() != 0 && (other.advertised_ip(), other.bind.port()) == (told, bind.port())
                || other.bind == bind
        };
        if listeners.iter().take(nth).any(same) {
            sip.problem(
                at.line,
                text!("{bind}: peers are told the address of another", "{bind} 的对外地址与另一监听地址重复"),
                text!("remove it, or give each its own advertised", "请删除，或分别指定 advertised"),
            );
        }
    }
}

fn mixed(sip: &Section, line: u32) {
    sip.problem(
        line,
        text!("advertised and listen are of different IP versions", "advertised 与 listen 的 IP 版本不同"),
        text!("give both as IPv4 or both as IPv6", "请同用 IPv4 或 IPv6"),
    );
}

fn uneven(sip: &Section, line: u32) {
    sip.problem(
        line,
        text!(
            "advertised has several addresses of one IP version, but not one for each of listen",
            "同一 IP 版本的 advertised 数量与 listen 不符"
        ),
        text!(
            "one for all addresses of an IP version, or one for each, in the same order",
            "每个 IP 版本写一个，或按相同顺序逐一对应"
        ),
    );
}
