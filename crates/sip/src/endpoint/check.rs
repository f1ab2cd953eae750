//! What a request must fulfil before anybody looks at its meaning (RFC 3261 sections 8.2 and 16.3).

use std::net::SocketAddr;

use super::answers::bad_request;
use super::{Answer, EndpointSettings};
use crate::message::description;
use crate::{Address, CSeq, HeaderError, Method, Request, Status, Uri, Via};

/// The header values that every request has, read once.
#[derive(Debug, Clone)]
pub(super) struct Essentials {
    pub(super) via: Via,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) call_id: String,
    pub(super) cseq: CSeq,
}

/// Option tags that we understand in Require.
const EXTENSIONS: [&str; 4] = ["timer", "100rel", "replaces", "norefersub"];
/// The most values of a list header that we walk.
const MAX_LIST: usize = 64;

/// The checks that come before transactions: whoever fails them is answered statelessly.
pub(super) fn essentials(request: &Request) -> Result<Essentials, Answer> {
    let essentials = read_essentials(request).map_err(|error| bad_request(&error.to_string()))?;
    for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards"] {
        if request.headers.count(name) > 1 {
            return Err(bad_request(&format!("several {name}")));
        }
    }
    for name in ["Via", "Contact", "Route", "Record-Route"] {
        if request.headers.list(name).len() > MAX_LIST {
            return Err(Answer::new(Status::MESSAGE_TOO_LARGE));
        }
    }
    if essentials.from.tag().is_none() && essentials.via.branch().is_some_and(has_cookie) {
        return Err(bad_request("From without tag"));
    }
    Ok(essentials)
}

fn read_essentials(request: &Request) -> Result<Essentials, HeaderError> {
    Ok(Essentials {
        via: request.via()?,
        from: request.from()?,
        to: request.to()?,
        call_id: request.call_id()?,
        cseq: request.cseq()?,
    })
}

/// The branch was made by an RFC 3261 client, so it is unique (section 8.1.1.7).
pub(super) fn has_cookie(branch: &str) -> bool {
    branch.len() > "z9hG4bK".len()
        && branch.get(..7).is_some_and(|cookie| cookie.eq_ignore_ascii_case("z9hG4bK"))
}

/// The checks of the core, in the order of the RFC; failing one is a final answer.
pub(super) fn core(
    request: &Request,
    essentials: &Essentials,
    settings: &EndpointSettings,
) -> Result<(), Answer> {
    if essentials.cseq.method != request.method {
        return Err(bad_request("CSeq names another method"));
    }
    method_is_ours(&request.method, essentials.to.tag().is_some())?;
    target_is_ours(request)?;
    hops_remain(request)?;
    path_is_new(request, settings)?;
    extensions_are_known(request)?;
    headers_are_sound(request)?;
    body_is_readable(request)
}

fn method_is_ours(method: &Method, is_inside: bool) -> Result<(), Answer> {
    match method {
        Method::Invite
        | Method::Ack
        | Method::Bye
        | Method::Cancel
        | Method::Options
        | Method::Register
        | Method::Info
        | Method::Update
        | Method::Prack
        | Method::Refer => Ok(()),
        // A session that sent REFER takes it.
        Method::Notify if is_inside => Ok(()),
        Method::Notify => Err(Answer::new(Status::METHOD_NOT_ALLOWED).with("Allow", Method::ALLOW)),
        Method::Other(name) => {
            let known = ["MESSAGE", "SUBSCRIBE", "PUBLISH"].contains(&name.as_str());
            let status = if known { Status::METHOD_NOT_ALLOWED } else { Status::NOT_IMPLEMENTED };
            Err(Answer::new(status).with("Allow", Method::ALLOW))
        }
    }
}

fn target_is_ours(request: &Request) -> Result<(), Answer> {
    match request.target() {
        Ok(Uri::Sip(uri)) if uri.headers.is_some() => Err(bad_request("headers in Request-URI")),
        Ok(Uri::Sip(_) | Uri::Tel(_)) => Ok(()),
        Ok(Uri::Other { .. }) => Err(Answer::new(Status::UNSUPPORTED_URI_SCHEME)),
        Err(error) => Err(bad_request(&error.to_string())),
    }
}

/// A call that ends here is carried on to an agent, so it must still have a hop to spend; other requests
/// end here for good.
fn hops_remain(request: &Request) -> Result<(), Answer> {
    let Some(text) = request.headers.text("Max-Forwards") else { return Ok(()) };
    match crate::scan::number(&text) {
        Some(0) if request.method == Method::Invite => Err(Answer::new(Status::TOO_MANY_HOPS)),
        Some(0..=255) => Ok(()),
        Some(_) | None => Err(bad_request("malformed Max-Forwards")),
    }
}

/// A request that went through us before carries our address among its Vias (section 16.3, item 4).
fn path_is_new(request: &Request, settings: &EndpointSettings) -> Result<(), Answer> {
    let ours = |value: &String| {
        Via::parse(value).is_ok_and(|via| {
            let port = via.port.unwrap_or(if via.transport == "TLS" { 5061 } else { 5060 });
            let is_it = |local: &SocketAddr| via.host.ip() == Some(local.ip()) && port == local.port();
            settings.local.iter().any(is_it)
        })
    };
    if request.method == Method::Invite && request.headers.list("Via").iter().any(ours) {
        return Err(Answer::new(Status::LOOP_DETECTED));
    }
    Ok(())
}

fn extensions_are_known(request: &Request) -> Result<(), Answer> {
    if matches!(request.method, Method::Ack | Method::Cancel) {
        return Ok(());
    }
    let known = |tag: &String| tag.is_empty() || EXTENSIONS.iter().any(|ours| ours.eq_ignore_ascii_case(tag));
    let unknown: Vec<String> =
        request.headers.list("Require").into_iter().filter(|tag| !known(tag)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Answer::new(Status::BAD_EXTENSION).with("Unsupported", unknown.join(", ")))
}

fn headers_are_sound(request: &Request) -> Result<(), Answer> {
    // A REGISTER's Contact may be `*`; the registrar reads it.
    if request.method != Method::Register {
        let contacts = request.addresses("Contact").map_err(|error| bad_request(&error.to_string()))?;
        if request.method == Method::Invite && contacts.len() != 1 {
            return Err(bad_request("an INVITE has exactly one Contact"));
        }
    }
    // RFC 3891 section 3. A BYE is obeyed whatever else it carries: its sender takes the call for ended.
    let may_replace = matches!(request.method, Method::Invite | Method::Bye);
    if !may_replace && request.headers.count("Replaces") > 0 {
        return Err(bad_request("Replaces outside an INVITE"));
    }
    for name in ["Route", "Record-Route"] {
        request.addresses(name).map_err(|error| bad_request(&error.to_string()))?;
    }
    Ok(())
}

fn body_is_readable(request: &Request) -> Result<(), Answer> {
    if request.method == Method::Invite && !takes_sdp(request) {
        return Err(Answer::new(Status::NOT_ACCEPTABLE));
    }
    if request.body.is_empty() || !matches!(request.method, Method::Invite | Method::Update | Method::Info) {
        return Ok(());
    }
    let encoding = request.headers.text("Content-Encoding");
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Answer::new(Status::UNSUPPORTED_MEDIA_TYPE).with("Accept-Encoding", "identity"));
    }
    let accepted: &[&str] = match request.method {
        Method::Info => &["application/dtmf-relay", "application/dtmf"],
        _ => &["application/sdp"],
    };
    match request.content_type() {
        Some(kind) if accepted.contains(&kind.as_str()) => Ok(()),
        Some(kind)
            if kind.starts_with("multipart/")
                && request.method != Method::Info
                && description(&request.headers, &request.body).is_some() =>
        {
            Ok(())
        }
        Some(_) | None => {
            Err(Answer::new(Status::UNSUPPORTED_MEDIA_TYPE).with("Accept", accepted.join(", ")))
        }
    }
}

fn takes_sdp(request: &Request) -> bool {
    let accepts = request.headers.list("Accept");
    let fits = |accept: &String| {
        let kind = accept.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        ["application/sdp", "application/*", "*/*"].contains(&kind.as_str())
    };
    request.headers.count("Accept") == 0 || accepts.iter().any(fits)
}
