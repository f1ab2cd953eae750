//! SIP over TLS: telephones, and openssl as a peer that behaves well or badly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use hotline_tests::{
    AGENT_HZ, Authority, CUSTOMER_HZ, Center, Phone, TlsClient, assert_each_on_its_channel,
    assert_hear_each_other, wait_for,
};
use serde_json::Value;

const OFF: (&str, &str, &str) = ("hotline.toml", "srtp = \"off\"", "srtp = \"required\"");
/// The first bytes of a client's handshake message, of which 500 more are to come.
const HALF: [u8; 9] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];

#[test]
fn telephones_register_and_talk_over_tls() {
    let center = Center::start_with_tls(&[OFF], "");
    let agent = Phone::tls_agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::tls_customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(4);
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    assert_each_on_its_channel(&center.recording_file(&recording));
    assert_hear_each_other(&customer, &agent);
    let (_, trace) = center.get_as("admin", "sip/trace?last=200");
    let trace: Vec<Value> = serde_json::from_str(&trace).expect("the API speaks JSON");
    assert!(trace.len() > 10 && trace.iter().all(|message| message["transport"] == "tls"), "{trace:?}");
    let invite = trace.iter().find(|message| {
        message["received"] == false
            && message["text"].as_str().is_some_and(|text| text.starts_with("INVITE"))
    });
    let invite = invite.expect("the agent was called")["text"].as_str().unwrap_or_default().to_owned();
    let tls = center.sip_tls();
    assert!(invite.contains(&format!("Via: SIP/2.0/TLS {tls}")), "{invite}");
    assert!(invite.contains(&format!("Contact: <sip:{tls};transport=tls>")), "{invite}");
    let metrics = center.metrics();
    let done = "hotline_tls_handshakes_total{direction=\"in\",outcome=\"done\"} 2";
    assert!(metrics.contains(done), "{metrics}");
    assert!(metrics.contains("hotline_tls_certificate_expiry_seconds"), "{metrics}");
    center.assert_rows_and_files_agree();
}

#[test]
fn old_versions_garbage_and_half_handshakes_get_nowhere_and_disturb_nobody() {
    let center = Center::start_with_tls(&[], "");
    // Without the last words openssl itself would not speak it any more.
    let mut old = TlsClient::start(&center, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(!old.wait_for_end() && old.heard().contains("alert handshake failure"), "{}", old.heard());
    for version in ["-tls1_2", "-tls1_3"] {
        let mut client = TlsClient::start(&center, &[version]);
        client.ask(1);
        client.wait_for_answer(1);
    }
    let connect = || TcpStream::connect(center.sip_tls()).expect("the center listens");
    let mut plain = connect();
    plain.write_all(b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n").expect("the center reads");
    assert_closed(&mut plain);
    // Twice as many as may shake hands at once from here: the oldest give way, one who means it gets in.
    let mut halves: Vec<TcpStream> = (0..32).map(|_| connect()).collect();
    for half in &mut halves {
        // One that gave way already does not read.
        let _ = half.write_all(&HALF);
    }
    let mut client = TlsClient::start(&center, &[]);
    client.ask(2);
    client.wait_for_answer(2);
    halves.iter_mut().for_each(assert_closed);
    client.ask(3);
    client.wait_for_answer(3);
    let late = "hotline_tls_handshakes_total{direction=\"in\",outcome=\"late\"}";
    wait_for("all half handshakes to be counted", || {
        center.metrics().contains(&format!("{late} 32")).then_some(())
    });
}

#[test]
fn where_version_1_3_is_the_least_1_2_gets_nowhere() {
    let center = Center::start_with_tls(&[], "minimum_version = \"1.3\"");
    let mut old = TlsClient::start(&center, &["-tls1_2"]);
    assert!(!old.wait_for_end() && old.heard().contains("alert protocol version"), "{}", old.heard());
    let mut client = TlsClient::start(&center, &["-tls1_3"]);
    client.ask(1);
    client.wait_for_answer(1);
}

#[test]
fn who_has_to_show_a_certificate_gets_nowhere_without_a_right_one() {
    let center = Center::start_with_tls(&[], "client_ca = \"AUTHORITY\"");
    let others = Authority::new(&center.folder.join("others"), "others");
    let show = |authority: &Authority, name: &str| {
        let (certificate, key) = authority.issue(name, "DNS:sbc.example", 30);
        let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
        TlsClient::start(&center, &["-cert", &certificate, "-key", &key])
    };
    let ours = center.authority();
    let mut right = show(ours, "right");
    right.ask(1);
    right.wait_for_answer(1);
    for mut wrong in [show(&others, "wrong"), TlsClient::start(&center, &[])] {
        wrong.wait_for_end();
        // With TLS 1.3 a client takes the handshake for done before it hears that it is refused.
        assert!(wrong.heard().contains("alert"), "{}", wrong.heard());
    }
}

#[test]
fn a_reload_replaces_the_certificate_and_keeps_connections() {
    let center = Center::start_with_tls(&[], "");
    let mut before = TlsClient::start(&center, &["-showcerts"]);
    before.ask(1);
    before.wait_for_answer(1);
    let folder = center.folder.join("tls");
    let old = std::fs::read(folder.join("center.pem")).expect("the certificate can be read");

    std::fs::write(folder.join("center.pem"), "nothing").expect("the story's folder can be written");
    let (is_well, said) = center.reload(&[]);
    assert!(!is_well && said.contains("center.pem holds no certificate"), "{said}");
    assert!(said.contains("hotline.toml:"), "file and line: {said}");
    let (certificate, _) = center.authority().issue("renewed", "IP:127.0.0.1", 3);
    std::fs::copy(certificate, folder.join("center.pem")).expect("the story's folder can be written");
    let (is_well, said) = center.reload(&[]);
    assert!(!is_well && said.contains("center.key cannot be used"), "the key of another: {said}");
    let mut meanwhile = TlsClient::start(&center, &[]);
    meanwhile.ask(2);
    meanwhile.wait_for_answer(2);

    std::fs::copy(folder.join("renewed.key"), folder.join("center.key")).expect("it can be written");
    let (is_well, said) = center.reload(&[]);
    assert!(is_well && said.contains("sip.tls.certificate"), "{said}");
    assert!(said.contains("ends soon"), "three days are few: {said}");
    let mut after = TlsClient::start(&center, &["-showcerts"]);
    after.ask(3);
    after.wait_for_answer(3);
    before.ask(4);
    before.wait_for_answer(4);
    let pem = |heard: &str| {
        heard
            .split("-----BEGIN CERTIFICATE-----")
            .nth(1)
            .map(|rest| rest.split("-----END").next().map(str::to_owned))
    };
    assert_eq!(pem(&before.heard()), pem(&String::from_utf8_lossy(&old)));
    assert_ne!(pem(&before.heard()), pem(&after.heard()));
}

/// Nothing comes but an alert at most, then the end, long before the story's patience does.
fn assert_closed(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(40))).expect("a socket can be told to wait");
    let mut heard = Vec::new();
    match stream.take(1_000).read_to_end(&mut heard) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "not closed"),
    }
    assert!(!String::from_utf8_lossy(&heard).contains("SIP/2.0"), "{heard:?}");
}
