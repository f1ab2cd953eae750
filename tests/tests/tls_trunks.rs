//! Trunks over TLS: Kamailio as provider, and openssl as a gateway that shows the wrong certificate.

use std::process::{Child, Command, Stdio};

use hotline_tests::{
    Authority, Center, Kamailio, Phone, Sipp, THIRD_HZ, TlsClient, Voices, assert_heard, wait_for,
};
use serde_json::{Value, json};

const CUSTOMER: Voices = [true, false, false];
const AGENT: Voices = [false, true, false];
const OUTSIDE: Voices = [false, false, true];
const NUMBER: &str = "02155550100";

/// A server with the certificate of an authority that the center does not trust.
struct Impostor {
    address: String,
    process: Child,
}

impl Impostor {
    fn start(center: &Center) -> Impostor {
        let authority = Authority::new(&center.folder.join("impostor"), "impostor");
        let (certificate, key) = authority.issue("gateway", "IP:127.0.0.1", 30);
        let address = center.free_address();
        let process = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &address])
            .arg("-cert")
            .arg(certificate)
            .arg("-key")
            .arg(key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed (tests/install.sh)");
        wait_for("the impostor to listen", || std::net::TcpStream::connect(&address).ok());
        Impostor { address, process }
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn past_a_gateway_with_a_wrong_certificate_kamailio_takes_and_brings_calls_over_tls() {
    let center = Center::start_with_tls(&[], "");
    let mut outside = Phone::outside(&center, NUMBER, THIRD_HZ);
    let kamailio = Kamailio::tls_provider(&center, &outside);
    let impostor = Impostor::start(&center);
    let (provider, wrong) = (kamailio.sip_tls(), &impostor.address);
    center.set_trunk(&format!(
        "gateways = [\"sip:{wrong};transport=tls\", \"sip:{provider};transport=tls\"]\noptions_s = 0\n{}",
        account(&center, &provider)
    ));
    wait_for_trunk(&center, |trunk| trunk["registration"]["state"] == "registered");

    // In: the provider opens a connection to the center's listener.
    let mut caller = Sipp::customer_of(&center, &kamailio, "listens-and-leaves.xml", "8000");
    let contact = center.wait_for_contact("/number", "8000");
    assert_eq!(contact["trunk"], "carrier");
    caller.assert_all_calls_went_well();
    center.wait_for_contact("/end/by", "caller");

    // Out: the first gateway's certificate is nobody's, the second wants a password.
    let (customer, _agent) = Phone::customer_and_agent(&center);
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/transfer", contact["id"].as_str().expect("a contact has an id"));
    let moved = center.post_for(&path, &json!({ "number": NUMBER }).to_string());
    assert_eq!(moved, (200, json!({ "outcome": "done", "reason": null })));
    center.wait_for_log("no TLS connection with a gateway");
    let trunk = wait_for_trunk(&center, |trunk| trunk["gateways"][0]["state"] == "resting");
    assert_eq!(trunk["last_failure"]["what"], "unreachable", "{trunk}");
    center.record_for_seconds(3);
    outside.hang_up();
    center.wait_for_contact("/agent", &format!("tel:{NUMBER}"));
    assert_heard(&customer.heard(), 1, &[AGENT, OUTSIDE]);
    assert_heard(&outside.heard(), 1, &[CUSTOMER]);
    let metrics = center.metrics();
    let failed = "hotline_tls_handshakes_total{direction=\"out\",outcome=\"failed\"} 1";
    assert!(metrics.contains(failed), "{metrics}");
    let (_, trace) = center.get_as("admin", "sip/trace?last=500");
    let messages: Vec<Value> = serde_json::from_str(&trace).expect("the API speaks JSON");
    let over_tls = messages.iter().filter(|message| message["transport"] == "tls");
    let peers: std::collections::BTreeSet<_> = over_tls.map(|message| message["peer"].to_string()).collect();
    // One connection of ours for REGISTER, INVITE and BYE, one or two of the provider's.
    assert!(peers.contains(&format!("\"{provider}\"")) && peers.len() <= 3, "{peers:?}");
}

#[test]
fn a_trunk_with_a_certificate_is_known_by_it_and_phones_beside_it_need_none() {
    let center = Center::start_with_tls(&[], "client_ca = \"AUTHORITY\"\nclient_certificates = \"optional\"");
    let outside = Phone::outside(&center, NUMBER, THIRD_HZ);
    let kamailio = Kamailio::tls_provider(&center, &outside);
    let account = account(&center, &kamailio.sip_tls());
    center.set_trunk(&format!(
        "sources = [\"127.0.0.0/8\"]\ntls_client = \"sbc.example\"\n\
         gateways = [\"sips:{}\"]\n{account}",
        kamailio.sip_tls()
    ));
    wait_for_trunk(&center, |trunk| trunk["registration"]["state"] == "registered");
    let mut caller = Sipp::customer_of(&center, &kamailio, "listens-and-leaves.xml", "8000");
    let contact = center.wait_for_contact("/number", "8000");
    assert_eq!(contact["trunk"], "carrier");
    caller.assert_all_calls_went_well();
    center.wait_for_contact("/end/by", "caller");

    let _agent = Phone::tls_agent(&center, "1001", 880);
    // The same address, without the certificate, or with another one of the same authority.
    let mut plain = Phone::customer(&center, "alice", 440);
    plain.begin_to_dial("8000");
    plain.wait_for_log("401", 1);
    let (certificate, key) = center.authority().issue("other", "DNS:other.example", 30);
    let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
    for shown in [&["-cert", &certificate, "-key", &key][..], &[]] {
        let mut other = TlsClient::start(&center, shown);
        other.say(
            "INVITE sip:8000@127.0.0.1 SIP/2.0\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKother\nMax-Forwards: 70\n\
             From: <sip:13800000000@127.0.0.1>;tag=1\nTo: <sip:8000@127.0.0.1>\nCall-ID: other\nCSeq: 1 INVITE\n\
             Contact: <sip:a@127.0.0.1:9>\nContent-Length: 0\n\n",
        );
        other.wait_for("SIP/2.0 401");
    }
    assert_eq!(center.contacts().len(), 1, "{:?}", center.contacts());
}

/// The account at the provider, and what both sides show and trust.
fn account(center: &Center, provider: &str) -> String {
    let (certificate, key) = center.authority().issue("ours", "DNS:center.example", 30);
    format!(
        "username = \"12345\"\npassword = \"provider-secret\"\nregister = \"sip:{provider};transport=tls\"\n\
         tls_roots = \"{}\"\ntls_certificate = \"{}\"\ntls_key = \"{}\"",
        center.authority().file().display(),
        certificate.display(),
        key.display(),
    )
}

/// The trunk, once it is as wanted.
fn wait_for_trunk(center: &Center, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for("the trunk to be so", || center.rows("trunks").into_iter().find(|trunk| wanted(trunk)))
}
