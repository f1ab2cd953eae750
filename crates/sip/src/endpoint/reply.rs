//! Making responses, and where they go (RFC 3261 sections 8.2.6 and 18.2, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use sha2::{Digest, Sha256};

use super::{Answer, Destination, EndpointSettings, Flow, Transport};
use crate::{Headers, MAX_HEADER_VALUE, Method, Request, Response, Status, Via};

/// The response to `request`; `tag` completes its To when it has none.
pub(super) fn response(
    settings: &EndpointSettings,
    request: &Request,
    answer: &Answer,
    tag: &str,
    body: Vec<u8>,
) -> Response {
    let mut headers = Headers::new();
    let copy = |headers: &mut Headers, name| {
        request.headers.all(name).for_each(|value| headers.push(name, value));
    };
    copy(&mut headers, "Via");
    copy(&mut headers, "From");
    match (answer.status, request.to()) {
        (status, Ok(to)) if to.tag().is_none() && status != Status::TRYING => {
            headers.push("To", local_party(request, tag));
        }
        (_, Ok(_) | Err(_)) => copy(&mut headers, "To"),
    }
    copy(&mut headers, "Call-ID");
    copy(&mut headers, "CSeq");
    let makes_dialog = request.method == Method::Invite && (101..300).contains(&answer.status.code());
    if makes_dialog {
        copy(&mut headers, "Record-Route");
    }
    answer.headers.iter().for_each(|header| headers.push(&header.name, &header.value));
    headers.push("Server", &settings.user_agent);
    if !body.is_empty() {
        headers.push("Content-Type", "application/sdp");
    }
    Response { status: answer.status, reason: answer.status.reason().into(), headers, body }
}

/// False for a request whose answer would be as unreadable: an answer repeats these headers.
pub(super) fn can_be_answered(request: &Request) -> bool {
    let repeated = ["Via", "From", "To", "Call-ID", "CSeq"];
    repeated.iter().all(|name| request.headers.all(name).all(|value| value.len() <= MAX_HEADER_VALUE))
}

/// The request's To with our tag.
pub(super) fn local_party(request: &Request, tag: &str) -> Vec<u8> {
    let mut to = request.headers.all("To").next().unwrap_or(b"").to_vec();
    to.extend_from_slice(b";tag=");
    to.extend_from_slice(tag.as_bytes());
    to
}

/// The To tag of an answer that keeps no state: the same for each copy of a request, and nobody else can make it
/// (RFC 3261 section 8.2.7).
pub(super) fn stateless_tag(key: &[u8; 32], request: &Request) -> String {
    let mut hash = Sha256::new().chain_update(key);
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        let value = request.headers.all(name).next().unwrap_or(b"");
        hash.update(u64::try_from(value.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(value);
    }
    crate::digest::hex(hash.finalize().get(..8).unwrap_or(b""))
}

/// Where responses to this request go. `maddr` is not obeyed: it would let anybody point us at others.
pub(super) fn reply_destination(via: Option<&Via>, flow: Flow) -> Destination {
    let Some(via) = via else { return Destination::from(flow) };
    let port = via.port.unwrap_or(flow.transport.default_port());
    match flow.transport {
        Transport::Udp if via.params.find("rport").is_some() || is_hidden(via, flow) => {
            Destination::from(flow)
        }
        Transport::Udp => {
            let address = SocketAddr::new(flow.source.ip(), port);
            Destination { address, ..Destination::from(flow) }
        }
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
            let otherwise = Some(SocketAddr::new(flow.source.ip(), port));
            Destination { otherwise, ..Destination::from(flow) }
        }
    }
}

/// The sender stands behind a NAT and did not say so: Via has an address that only its own network knows, and the
/// packet came from another. Nothing listens at Via's port there, so the answer goes to where the packet came from.
fn is_hidden(via: &Via, flow: Flow) -> bool {
    via.host.ip().is_some_and(|ip| ip != flow.source.ip() && is_private(ip))
}

/// Addresses of RFC 1918, RFC 6598, RFC 4193, and those that never leave a link or a machine.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

/// Writes into the topmost Via where the request really came from.
pub(super) fn stamp_via(request: &mut Request, via: &Via, flow: Flow) {
    let asked = via.params.find("rport").is_some();
    if !asked && via.host.ip() == Some(flow.source.ip()) {
        return;
    }
    let mut stamped = via.clone();
    stamped.params.set("received", Some(flow.source.ip().to_string()));
    if asked {
        stamped.params.set("rport", Some(flow.source.port().to_string()));
    }
    let field = request.headers.text("Via").map(|text| text.into_owned()).unwrap_or_default();
    let mut pieces =
        crate::scan::split_outside(&field, b',').unwrap_or_default().into_iter().skip(1).peekable();
    let mut value = stamped.to_string();
    if pieces.peek().is_some() {
        value = format!("{value}, {}", pieces.collect::<Vec<_>>().join(", "));
    }
    request.headers.set_first("Via", value);
}
