//! Ports that a center listens on: each is bound and let go.

use std::io;
use std::net::{IpAddr, SocketAddr};

use text::{Text, text};
use tokio::net::{TcpListener, UdpSocket};

use super::{Finding, cause};
use crate::config::Server;
use crate::control::Neighbour;
use crate::signalling::{Listener, has_ipv4, listen_tcp, listen_udp};

/// Pairs of RTP ports that are tried, spread over the range.
const SAMPLE: usize = 32;

pub(super) async fn check(server: &Server, neighbour: Option<&Neighbour>) -> Vec<Finding> {
    let http = server.http;
    let mut findings = Vec::new();
    for listener in &server.sip {
        findings.extend(signalling(server, *listener, neighbour).await);
    }
    let secure: Vec<_> = server.sip_tls.iter().flat_map(|tls| &tls.listen).collect();
    let only_v6 = secure.iter().any(|listener| listener.bind.is_ipv4());
    for address in secure.into_iter().map(|listener| listener.bind) {
        let bound = listen_tcp(address, only_v6).map(|_| ());
        let is_ours = neighbour.is_some_and(|center| center.sip.contains(&address));
        findings.push(finding("sip_tls", "SIP (TLS)", "[sip.tls]", address, &bound, is_ours));
    }
    let web = TcpListener::bind(http).await.map(|_| ());
    let web_is_ours = neighbour.is_some_and(|center| center.http == http);
    findings.push(finding("http", "HTTP", "[http]", http, &web, web_is_ours));
    if let Some(address) = server.http_tls.as_ref().map(|tls| tls.listen) {
        let bound = TcpListener::bind(address).await.map(|_| ());
        let is_ours = neighbour.is_some_and(|center| center.http == http);
        findings.push(finding("https", "HTTPS", "[http.tls]", address, &bound, is_ours));
    }
    findings
}

/// One address of SIP, and the audio of the calls that come to it.
async fn signalling(server: &Server, listener: Listener, neighbour: Option<&Neighbour>) -> Vec<Finding> {
    let (sip, only_v6) = (listener.bind, has_ipv4(&server.sip));
    let udp = listen_udp(sip, only_v6).map(|_| ());
    let tcp = listen_tcp(sip, only_v6).map(|_| ());
    let is_ours = neighbour.is_some_and(|center| center.sip.contains(&sip));
    let mut findings = vec![
        finding("sip_udp", "SIP (UDP)", "[sip]", sip, &udp, is_ours),
        finding("sip_tcp", "SIP (TCP)", "[sip]", sip, &tcp, is_ours),
    ];
    if listener.advertised_ip().is_unspecified() {
        findings.push(Finding::failed(
            "advertised",
            text!("{sip} does not say where peers reach us", "{sip} 未说明对端访问本机的地址"),
            text!(
                "write advertised = \"ADDRESS\" in [sip] of hotline.toml",
                "请在 hotline.toml 的 [sip] 写明 advertised"
            ),
        ));
    }
    // An address that this machine does not have is named once.
    if !udp.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable) {
        findings.push(rtp(server, sip.ip(), neighbour.is_some()).await);
    }
    findings
}

fn finding(
    name: &'static str,
    what: &str,
    section: &str,
    address: SocketAddr,
    bound: &io::Result<()>,
    ours: bool,
) -> Finding {
    match bound {
        Ok(()) => Finding::good(name, text!("{what} {address} is free", "{what} {address} 可用")),
        Err(error) if ours && error.kind() == io::ErrorKind::AddrInUse => Finding::ours(
            name,
            text!("{what} {address} is held by the running center", "{what} {address} 由运行中的系统占用"),
        ),
        Err(error) => {
            let why = cause(error);
            Finding::failed(
                name,
                text!("cannot listen for {what} on {address}: {why}", "无法在 {address} 监听 {what}：{why}"),
                next_step(error, address, section),
            )
        }
    }
}

fn next_step(error: &io::Error, address: SocketAddr, section: &str) -> Text {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => text!(
            "end the program that has it (ss -lnp 'sport = :{port}' names it), or change listen in {section} of hotline.toml",
            "请结束占用它的程序（用 ss -lnp 'sport = :{port}' 查看），或修改 hotline.toml 中 {section} 的 listen"
        ),
        io::ErrorKind::PermissionDenied => text!(
            "ports below 1024 need CAP_NET_BIND_SERVICE: take a higher port, or setcap cap_net_bind_service=+ep on the program",
            "1024 以下端口需要 CAP_NET_BIND_SERVICE 权限：请改用更高端口，或对程序执行 setcap cap_net_bind_service=+ep"
        ),
        io::ErrorKind::AddrNotAvailable => text!(
            "this machine has no such address (ip addr lists them): change listen in {section} of hotline.toml",
            "本机没有该地址（用 ip addr 查看）：请修改 hotline.toml 中 {section} 的 listen"
        ),
        _ => {
            text!("change listen in {section} of hotline.toml", "请修改 hotline.toml 中 {section} 的 listen")
        }
    }
}

/// A few pairs of the range: all of them held means that no call can have audio.
async fn rtp(server: &Server, ip: IpAddr, has_neighbour: bool) -> Finding {
    let range = &server.rtp.0;
    let (first, last) = (range.start(), range.end());
    let (mut failures, mut tried) = (Vec::new(), 0_usize);
    let pairs = range.clone().filter(|port| port % 2 == 0 && port < last).count();
    for port in range.clone().filter(|port| port % 2 == 0 && port < last).step_by((pairs / SAMPLE).max(1)) {
        tried += 1;
        if let Err(error) = bind_pair(ip, port).await {
            failures.push((port, error));
        }
    }
    let threads = server.media_threads;
    if pairs < threads {
        return Finding::failed(
            "rtp",
            text!(
                "RTP ports {first}-{last} hold {pairs} pairs, fewer than there are media threads ({threads})",
                "RTP 端口 {first}-{last} 只有 {pairs} 对，少于媒体线程数（{threads}）"
            ),
            text!(
                "give a larger range (ports in [rtp] of hotline.toml)",
                "请扩大端口范围（hotline.toml 中 [rtp] 的 ports）"
            ),
        );
    }
    let Some((port, error)) = failures.first() else {
        return Finding::good(
            "rtp",
            text!(
                "RTP ports {first}-{last}: {pairs} pairs are free",
                "RTP 端口 {first}-{last}：{pairs} 对可用"
            ),
        );
    };
    let (count, why) = (failures.len(), cause(error));
    if has_neighbour && error.kind() == io::ErrorKind::AddrInUse {
        return Finding::ours(
            "rtp",
            text!(
                "RTP ports {first}-{last}: the running center uses some",
                "RTP 端口 {first}-{last}：运行中的系统正在使用"
            ),
        );
    }
    let what = text!(
        "RTP ports {first}-{last}: {count} of {tried} that were tried cannot be bound, {ip}:{port} first: {why}",
        "RTP 端口 {first}-{last}：抽查 {tried} 对中 {count} 对无法绑定，首个 {ip}:{port}：{why}"
    );
    let next = text!(
        "give another range (ports in [rtp] of hotline.toml), or end what holds these",
        "请更换端口范围（hotline.toml 中 [rtp] 的 ports），或结束占用它们的程序"
    );
    if count == tried { Finding::failed("rtp", what, next) } else { Finding::warning("rtp", what, next) }
}

async fn bind_pair(ip: IpAddr, port: u16) -> io::Result<()> {
    let _rtp = UdpSocket::bind((ip, port)).await?;
    UdpSocket::bind((ip, port.saturating_add(1))).await.map(|_| ())
}
