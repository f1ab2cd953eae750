//! SIP by WebSocket: JsSIP, the telephone of browsers, in Node.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hotline_tests::{CUSTOMER_HZ, Center, Phone, wait_for};

const SWITCHED_ON: (&str, &str, &str) =
    ("hotline.toml", "realm = \"hotline\"", "realm = \"hotline\"\nwebsocket = true");

/// JsSIP as the seat of an agent; gone when dropped.
struct WebPhone {
    log: PathBuf,
    process: Child,
}

impl WebPhone {
    fn start(center: &Center, password: &str) -> WebPhone {
        WebPhone::start_at(center, &format!("ws://{}/sip", center.http_address()), password)
    }

    /// Over TLS, to a center that has to show a certificate of its authority.
    fn start_secure(center: &Center, password: &str) -> WebPhone {
        WebPhone::start_at(center, &format!("wss://{}/sip", center.https_address()), password)
    }

    fn start_at(center: &Center, url: &str, password: &str) -> WebPhone {
        let repository =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository");
        let log = center.folder.join(format!("jssip-{password}"));
        let out = File::create(&log).expect("the story's folder can be written");
        let errors = out.try_clone().expect("a file has a second handle");
        let process = Command::new("node")
            .arg(repository.join("tests/scenarios/jssip.js"))
            .arg(repository.join("target/jssip/node_modules"))
            .args([url, "1001", password])
            .env("NODE_EXTRA_CA_CERTS", center.folder.join("tls/authority.pem"))
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(errors)
            .spawn()
            .expect("node is installed (tests/install.sh)");
        WebPhone { log, process }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn wait_for(&self, text: &str) {
        wait_for(&format!("JsSIP to say {text:?} (tests/install.sh)"), || {
            self.said().contains(text).then_some(())
        });
    }
}

impl Drop for WebPhone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.log.display(), self.said());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_telephone_in_a_page_registers_is_called_over_its_socket_and_leaves() {
    let center = Center::start_with(&[SWITCHED_ON]);
    let stranger = WebPhone::start(&center, "wrong");
    stranger.wait_for("registrationFailed");
    let mut phone = WebPhone::start(&center, "sample-1001");
    phone.wait_for("registered");
    center.wait_for_seat("1001");

    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    phone.wait_for(&format!("invited SIP/2.0/WS {}", center.sip()));
    let ended = center.wait_for_events("offer_ended", 1);
    assert_eq!(ended[0]["outcome"]["refused"], "busy", "{ended:?}");

    // Its input ends, and with it the registration.
    drop(phone.process.stdin.take());
    phone.wait_for("unregistered");
    center.wait_for_log("1001 online=false");
}

#[test]
fn over_tls_it_is_wss() {
    let center = Center::start_with_tls(&[SWITCHED_ON], "");
    let phone = WebPhone::start_secure(&center, "sample-1001");
    phone.wait_for("registered");
    center.wait_for_seat("1001");
    let (_, trace) = center.get_as("admin", "sip/trace?last=20");
    let messages: Vec<serde_json::Value> = serde_json::from_str(&trace).expect("the API speaks JSON");
    assert!(messages.iter().any(|message| message["transport"] == "wss"), "{messages:?}");
}

#[test]
fn a_socket_that_is_cut_makes_the_seat_unreachable_and_a_reload_switches_sockets_off() {
    let center = Center::start_with(&[SWITCHED_ON]);
    let mut phone = WebPhone::start(&center, "sample-1001");
    phone.wait_for("registered");
    center.wait_for_seat("1001");
    let _ = phone.process.kill();
    center.wait_for_log("1001 online=false");

    center.edit("hotline.toml", "websocket = true", "websocket = false");
    let (is_well, said) = center.reload(&[]);
    assert!(is_well && said.contains("sip.websocket"), "{said}");
    let late = WebPhone::start(&center, "sample-1001");
    late.wait_for("disconnected");
    assert!(!late.said().contains("registered"), "{}", late.said());
}
