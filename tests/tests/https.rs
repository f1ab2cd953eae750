//! HTTP over TLS: openssl as the client, by hand.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use hotline_tests::{Center, wait_for};

/// What openssl hears for this request, with these further arguments; and what it says of the handshake.
fn ask(center: &Center, token: &str, arguments: &[&str]) -> String {
    let mut process = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &center.https_address(),
            "-verify_return_error",
            "-ign_eof",
            "-nocommands",
        ])
        .arg("-CAfile")
        .arg(center.authority().file())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is installed (tests/install.sh)");
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    // One that was refused does not read.
    let _ = process.stdin.as_mut().expect("its input is a pipe").write_all(request.as_bytes());
    let output = process.wait_with_output().expect("openssl ends with the connection");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn the_api_is_served_over_tls_and_in_the_clear_and_its_certificate_is_replaced() {
    let center = Center::start_with_tls(&[], "");
    let token = center.make_token("viewer");
    let metrics = ask(&center, &token, &["-tls1_2"]);
    assert!(metrics.contains("HTTP/1.1 200 OK"), "{metrics}");
    for listener in ["sip", "http"] {
        let line = format!("hotline_tls_certificate_expiry_seconds{{listener=\"{listener}\"}}");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert!(ask(&center, "hl_guess", &[]).contains("HTTP/1.1 401"));
    let old = ask(&center, &token, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(!old.contains("HTTP/1.1") && old.contains("alert"), "{old}");

    // Garbage and a half handshake are closed, and disturb nobody.
    let mut connections: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(center.https_address()).expect("the center listens")).collect();
    for (nth, connection) in connections.iter_mut().enumerate() {
        let bytes: &[u8] = if nth % 2 == 0 { b"GET / HTTP/1.1\r\n\r\n" } else { &[0x16, 3, 1, 2, 0, 1] };
        connection.write_all(bytes).expect("the center reads");
    }
    assert!(ask(&center, &token, &["-tls1_3"]).contains("HTTP/1.1 200 OK"));
    for connection in &mut connections {
        connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket can be told to wait");
        let mut heard = Vec::new();
        match connection.take(1_000).read_to_end(&mut heard) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "not closed"),
        }
        assert!(!String::from_utf8_lossy(&heard).contains("HTTP/1.1"), "{heard:?}");
    }

    let folder = center.folder.join("tls");
    let (certificate, key) = center.authority().issue("renewed", "IP:127.0.0.1", 30);
    for (from, to) in [(certificate, "center.pem"), (key, "center.key")] {
        std::fs::copy(from, folder.join(to)).expect("the story's folder can be written");
    }
    center.signal("HUP");
    wait_for("the new certificate", || {
        ask(&center, &token, &[]).contains("subject=CN = renewed").then_some(())
    });
}
