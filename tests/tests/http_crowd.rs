//! One address that takes all it can of HTTP.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use hotline_tests::{Center, Phone, wait_for};

const MB: u64 = 1 << 20;

/// The status that curl, coming from another address of this machine, gets with a token.
fn from_elsewhere(center: &Center, address: &str, token: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "30", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    curl.args(["--interface", address, "--header", &format!("Authorization: Bearer {token}")]);
    let output = curl.arg(format!("http://{}/api/v1/contacts", center.http_address())).output();
    String::from_utf8_lossy(&output.expect("curl runs").stdout).into_owned()
}

/// Bytes of memory that the center holds.
fn resident(center: &Center) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", center.process_id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
}

fn connect(center: &Center, bytes: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(center.http_address()).ok()?;
    // The center may have closed it by now, which is what the story is about.
    let _ = stream.write_all(bytes.as_bytes());
    Some(stream)
}

/// Reads until the center closes; what it said.
fn last_words(mut stream: TcpStream) -> String {
    let mut said = String::new();
    // A reset is an end like any other.
    let _ = stream.read_to_string(&mut said);
    said
}

#[test]
fn thousands_of_connections_and_streams_of_one_address_stop_nobody_else() {
    let center = Center::start();
    let token = center.make_token("viewer");
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    assert_eq!(from_elsewhere(&center, "127.0.0.2", &token), "200");
    let before = resident(&center);

    let stream = format!(
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut held = Vec::new();
    for round in 0..10 {
        for bytes in ["", "GET / HT", &stream] {
            held.extend((0..100).filter_map(|_| connect(&center, bytes)));
        }
        assert_eq!(from_elsewhere(&center, "127.0.0.2", &token), "200", "round {round}");
    }
    let crowded = resident(&center);
    assert!(held.len() > 2_900, "the story holds {}", held.len());
    let metrics = || center_metrics_from_elsewhere(&center);
    let places = |page: &str, series: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(series)).expect("the series is there");
        line.rsplit_once(' ').expect("a value").1.parse().expect("a number")
    };
    let page = metrics();
    let (connections, streams) =
        ("hotline_http_places{what=\"connection\"}", "hotline_http_places{what=\"stream\"}");
    assert!(places(&page, connections) <= 200.0 && places(&page, streams) <= 96.0, "{page}");
    assert!(
        places(&page, "hotline_http_places_refused_total{what=\"stream\",reason=\"share\"}") > 0.0,
        "{page}"
    );
    center.wait_for_log("HTTP place refused");
    assert!(center.log().matches("HTTP place refused").count() < 100, "a flood is no flood of lines");
    assert!(crowded < before + 100 * MB, "{before} bytes became {crowded}");

    drop(held);
    wait_for("the memory to come back", || (resident(&center) < before + 50 * MB).then_some(()));
    wait_for("the places to come back", || (places(&metrics(), connections) < 10.0).then_some(()));
    customer.press('1');
    center.wait_for_contact("/queue", "inquiry");
}

fn center_metrics_from_elsewhere(center: &Center) -> String {
    let token = center.make_token("viewer");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "30", "--interface", "127.0.0.2"]);
    curl.args(["--header", &format!("Authorization: Bearer {token}")]);
    let output = curl.arg(format!("http://{}/metrics", center.http_address())).output().expect("curl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A request of which a byte comes now and then, and one of which none comes.
#[test]
fn whoever_sends_a_request_slowly_is_given_up() {
    let center = Center::start();
    let silent = connect(&center, "GET /healthz HTTP/1.1\r\nHo").expect("it listens");
    let mut slow = connect(&center, "GET /healthz HTTP/1.1\r\n").expect("it listens");
    wait_for("the slow one's end", || slow.write_all(b"A: b\r\n").is_err().then_some(()));
    assert_eq!(last_words(silent), "");
}

/// Colleagues behind a reverse proxy that the configuration names are not one address.
#[test]
fn wrong_tokens_behind_a_trusted_proxy_stop_only_who_sent_them() {
    let trusted =
        ("hotline.toml", "# trusted_proxies = [\"127.0.0.1\"]", "trusted_proxies = [\"127.0.0.3/32\"]");
    let center = Center::start_with(&[trusted]);
    let ask = |proxy: &str, client: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "30", "--output", "/dev/null", "--write-out", "%{http_code}"]);
        curl.args(["--interface", proxy, "--header", &format!("X-Forwarded-For: {client}")]);
        curl.args(["--header", "Authorization: Bearer hl_guess"]);
        let output = curl.arg(format!("http://{}/api/v1/contacts", center.http_address())).output();
        String::from_utf8_lossy(&output.expect("curl runs").stdout).into_owned()
    };
    let guesses: Vec<String> = (0..25).map(|_| ask("127.0.0.3", "198.51.100.7")).collect();
    assert!(guesses.contains(&"429".to_owned()), "{guesses:?}");
    assert_eq!(ask("127.0.0.3", "198.51.100.8"), "401");
    center.wait_for_log("address=198.51.100.7");
    // Of anybody else the header is a lie.
    let liars: Vec<String> = (0..25).map(|n| ask("127.0.0.4", &format!("198.51.100.{n}"))).collect();
    assert!(liars.contains(&"429".to_owned()), "{liars:?}");
}
