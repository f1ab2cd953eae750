//! What is legible on the way although somebody may take it for secret: no error, for the network may be trusted.

use std::collections::BTreeMap;
use std::path::Path;

use ::sip::Encryption;
use model::AgentId;
use text::{Problem, Text, text};

use super::{Server, tls};
use crate::signalling::{Terms, Trunk};

/// Keys of SRTP that travel in SIP without TLS, and a certificate that ends.
pub(super) fn unprotected(
    dir: &Path,
    server: &Server,
    seats: &BTreeMap<AgentId, Terms>,
    trunks: &[Trunk],
) -> Vec<Problem> {
    let warning = |file: &str, (message, hint): (Text, Text)| Problem {
        file: dir.join(file).display().to_string().into(),
        line: 0,
        message,
        hint,
    };
    let has_tls = server.sip_tls.is_some();
    let required = |terms: &Terms| terms.srtp == Encryption::Required;
    let seats = seats.values().any(required) && !has_tls;
    let is_legible = |trunk: &&Trunk| {
        let gateways = &trunk.outgoing.gateways;
        required(&trunk.terms)
            && (!has_tls || gateways.iter().any(|gateway| !gateway.transport().is_secure()))
    };
    let of_sip = server.sip_tls.as_ref().and_then(|tls| tls::ending("sip.tls", tls.until));
    let of_http = server.http_tls.as_ref().and_then(|tls| tls::ending("http.tls", tls.until));
    let ending = of_sip.into_iter().chain(of_http);
    let of_server = ending.chain(seats.then(of_seats));
    let of_trunks = trunks.iter().filter(is_legible).map(|trunk| of_trunk(&trunk.name));
    of_server
        .map(|said| warning("hotline.toml", said))
        .chain(of_trunks.map(|said| warning("trunks.toml", said)))
        .collect()
}

fn of_seats() -> (Text, Text) {
    (
        text!(
            "srtp = \"required\" for agents, but SIP is not encrypted: whoever reads it can decrypt their audio",
            "座席要求 srtp = \"required\"，但 SIP 未加密：截获信令者可解密语音"
        ),
        text!(
            "add [sip.tls] and register phones by it, unless the network between is trusted",
            "请加 [sip.tls] 并让话机经 TLS 注册，除非网络可信"
        ),
    )
}

fn of_trunk(name: &str) -> (Text, Text) {
    (
        text!(
            "trunk {name}: srtp = \"required\", but its SIP is not encrypted: whoever reads it can decrypt the audio",
            "中继 {name} 要求 srtp = \"required\"，但其 SIP 未加密：截获信令者可解密语音"
        ),
        text!(
            "add [sip.tls], and transport=tls to its gateways, unless the network between is trusted",
            "请加 [sip.tls]，并在其 gateways 中写 transport=tls，除非网络可信"
        ),
    )
}
