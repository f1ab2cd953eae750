//! What an operator sees of calls: lines of the log, figures, SIP messages.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use hotline_tests::{Caller, Center, Phone, wait_for};
use serde_json::Value;

/// The value of a field in a line of the log.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {name}="))?;
    Some(rest.split(' ').next().unwrap_or_default().trim_matches('"'))
}

/// The one line of the log about a contact.
fn contact_line(center: &Center, contact: &str) -> String {
    let is_its = |line: &&str| line.contains("hotline::contact: contact ended") && line.contains(contact);
    let line = wait_for("the contact's line", || center.log().lines().find(is_its).map(str::to_owned));
    assert_eq!(center.log().lines().filter(is_its).count(), 1);
    line
}

/// A caller of a long number who talks with an agent; the contact's id.
fn a_talk(center: &Center) -> String {
    let _agent = Phone::agent(center, "1001", 440);
    let mut customer = Phone::customer(center, "13800138000", 300);
    center.wait_for_seat("1001");
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(1);
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    contact["id"].as_str().expect("an id").to_owned()
}

fn trace(center: &Center, arguments: &[&str]) -> (bool, String) {
    let output = center.command("sip").arg("trace").args(arguments).output().expect("hotline runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The families and samples of a page in Prometheus' text format, strictly read.
fn metrics(page: &str) -> BTreeMap<String, Vec<(String, f64)>> {
    let (mut families, mut types) = (BTreeMap::new(), BTreeMap::new());
    let mut series = BTreeSet::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} comes twice");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a series and a value");
            assert!(series.insert(name.to_owned()), "{name} comes twice");
            let bare = name.split('{').next().expect("a name");
            let suffix = bare.strip_prefix(current.as_str()).expect("samples stand behind their type");
            let histogram = types[&current] == "histogram";
            assert!(if histogram {
                ["_bucket", "_sum", "_count"].contains(&suffix)
            } else {
                suffix.is_empty()
            });
            let value: f64 = value.parse().expect("a number");
            families.entry(current.clone()).or_insert_with(Vec::new).push((name.to_owned(), value));
        }
    }
    families
}

#[test]
fn a_call_leaves_one_line_its_messages_and_figures() {
    let center = Center::start();
    let contact = a_talk(&center);
    let line = contact_line(&center, &contact);
    for (name, value) in [("number", "8000"), ("queue", "inquiry"), ("agent", "1001"), ("cause", "hung_up")] {
        assert_eq!(field(&line, name), Some(value), "{line}");
    }
    for name in ["waited_ms", "talk_ms", "duration_ms", "setup_ms", "trunk", "sip_call_id", "mos", "lost"] {
        assert!(field(&line, name).is_some_and(|value| !value.is_empty()), "{name}: {line}");
    }
    assert!(!line.contains("13800138000") && line.contains("…8000"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");

    let (_, ladder) = trace(&center, &["--contact", &contact]);
    let call_id = field(&line, "sip_call_id").expect("a Call-ID");
    assert!(ladder.contains(call_id), "the customer's leg: {ladder}");
    assert!(ladder.contains("INVITE sip:1001-"), "the agent's leg: {ladder}");
    assert!(!ladder.contains("\n  REGISTER "), "{ladder}");
    wait_for("both to show the same", || {
        let (_, from) = trace(&center, &["--from", "13800138000"]);
        (from == trace(&center, &["--contact", &contact]).1).then_some(())
    });
    let (_, last) = trace(&center, &["--last", "10000"]);
    assert!(last.contains("\n  REGISTER ") && last.contains("uthorization: *"), "{last}");
    assert!(
        !last.contains("response=\"") && !last.contains("nonce=\"") || !last.contains("username=\""),
        "{last}"
    );
    let read = center.wait_for_events("sip_trace_read", 3);
    assert_eq!(read[0]["contact"], contact.as_str());
    assert_eq!(center.get_as("supervisor", "sip/trace?last=1").0, 403);

    let page = center.metrics();
    let metrics = metrics(&page);
    let value = |series: &str| {
        let (name, _) = series.split_once('{').unwrap_or((series, ""));
        let found = metrics.iter().find(|(family, _)| {
            name.starts_with(family.as_str()) && metrics[*family].iter().any(|(name, _)| name == series)
        });
        found.and_then(|(_, rows)| rows.iter().find(|(name, _)| name == series)).map(|(_, value)| *value)
    };
    assert_eq!(
        value("hotline_contacts_total{class=\"answered\",cause=\"hung_up\",direction=\"inbound\"}"),
        Some(1.0),
        "{page}"
    );
    assert_eq!(value("hotline_talk_seconds_count{queue=\"inquiry\"}"), Some(1.0));
    assert_eq!(value("hotline_talk_seconds_bucket{queue=\"inquiry\",le=\"+Inf\"}"), Some(1.0));
    assert_eq!(value("hotline_queue_wait_seconds_count{queue=\"inquiry\",outcome=\"answered\"}"), Some(1.0));
    assert_eq!(value("hotline_contact_setup_seconds_count"), Some(1.0));
    assert_eq!(value("hotline_database_up"), Some(1.0));
    assert!(value("hotline_sip_responses_total{direction=\"sent\",class=\"4xx\"}") > Some(0.0));
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(value(name).is_some(), "{name}");
    }
    wait_for("the free room", || {
        center.metrics().contains("hotline_disk_free_bytes{folder=\"recordings\"}").then_some(())
    });
}

#[test]
fn a_capture_is_read_by_other_tools() {
    let center = Center::start();
    Caller::call(&center, "8000").hang_up();
    center.wait_for_contact("/end/cause", "hung_up");
    let scratch = testing::Scratch::new("trace");
    let file = scratch.join("trace.pcap");
    let (done, said) = trace(&center, &["--last", "100", "--pcap", &file.display().to_string()]);
    assert!(done, "{said}");
    let port = center.sip().split_once(':').expect("a port").1.to_owned();
    let read = Command::new("tshark")
        .args([
            "-d",
            &format!("udp.port=={port},sip"),
            "-o",
            "udp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
        ])
        .args([
            "-T",
            "fields",
            "-e",
            "sip.CSeq.method",
            "-e",
            "udp.checksum.status",
            "-e",
            "_ws.malformed",
            "-r",
        ])
        .arg(&file)
        .output();
    let Ok(read) = read else { return eprintln!("tshark is missing: the capture is not read") };
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let methods: BTreeSet<&str> = text.lines().map(|line| line.split('\t').next().unwrap_or("")).collect();
    assert!(["INVITE", "ACK", "BYE"].iter().all(|method| methods.contains(method)), "{text}");
    assert!(text.lines().all(|line| line.split('\t').nth(1) == Some("1")), "checksums: {text}");
    assert!(text.lines().all(|line| line.split('\t').nth(2).is_none_or(str::is_empty)), "{text}");
    // A second time the file would be overwritten.
    assert!(!trace(&center, &["--last", "1", "--pcap", &file.display().to_string()]).0);
}

#[test]
fn each_refusal_has_a_line_with_reason_and_source_and_a_flood_is_counted() {
    let mut center = Center::start();
    for _ in 0..12 {
        assert!(Caller::answer_to_a_call(&center, "9999").starts_with("SIP/2.0 404"));
    }
    let lines = |center: &Center| {
        let log = center.log();
        let of_it = |line: &&str| {
            line.contains("hotline::refusal") && field(line, "reason") == Some("unknown_number")
        };
        log.lines().filter(of_it).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = wait_for("three lines", || Some(lines(&center)).filter(|lines| lines.len() == 3));
    assert!(
        first[0].contains("source=127.0.0.1:") && field(&first[0], "number") == Some("9999"),
        "{first:?}"
    );
    center.ask_to_end();
    assert!(center.wait_for_end().success());
    let all = lines(&center);
    assert_eq!((all.len(), field(&all[3], "suppressed")), (4, Some("9")), "{all:?}");
}

#[test]
fn a_log_in_json_is_json_from_the_first_line_to_the_last() {
    let mut center = Center::start();
    center.kill();
    for format in [&["--log-format", "json"][..], &[]] {
        let mut serve = center.command("serve");
        serve.args(["--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(format);
        serve.env("HOTLINE_LOG_FORMAT", if format.is_empty() { "json" } else { "text" });
        let mut process =
            serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hotline starts");
        wait_for_first_line(&mut process);
        Command::new("kill").args(["-s", "HUP", &process.id().to_string()]).status().expect("kill runs");
        Command::new("kill").args(["-s", "TERM", &process.id().to_string()]).status().expect("kill runs");
        let output = process.wait_with_output().expect("it ends");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let rows: Vec<Value> =
            log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
        assert!(rows.iter().any(|row| row["level"] == "INFO" && row["time"].is_string()), "{log}");
    }
    let wrong = center.command("check").env("HOTLINE_LOG_FORMAT", "xml").output().expect("hotline runs");
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("HOTLINE_LOG_FORMAT"));
}

fn wait_for_first_line(process: &mut std::process::Child) {
    use std::io::BufRead as _;
    let out = process.stdout.as_mut().expect("a pipe");
    let mut line = String::new();
    std::io::BufReader::new(out).read_line(&mut line).expect("it says that it is ready");
}

#[test]
fn a_sample_is_drawn_again_after_one_more_call_and_each_draw_is_an_event() {
    let center = Center::start();
    let call = |count: usize| {
        let _agent = Phone::agent(&center, "1001", 440);
        let mut customer = Phone::customer(&center, "alice", 300);
        center.wait_for_seat("1001");
        customer.dial("8000");
        customer.press('1');
        center.talk_for_seconds(1);
        customer.hang_up();
        center.wait_until_sealed(count);
    };
    let sample = |arguments: &[&str]| {
        let mut command = center.command("qa");
        let output = command.args(["sample", "--json"]).args(arguments).output().expect("hotline runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap_or_default(), said)
    };
    call(1);
    let (first, said) = sample(&["--queue", "inquiry", "--count", "5", "--seed", "7"]);
    assert_eq!(first.len(), 1, "{said}");
    assert!(said.contains("frame of 1") && said.contains("contact id"), "{said}");
    let again = said.split_once("hotline qa sample ").expect("the words that draw it again").1;
    let again: Vec<&str> = again.lines().next().expect("a line").split(' ').collect();
    call(2);
    assert_eq!(sample(&again).0, first, "{again:?}");
    assert_eq!(sample(&["--queue", "inquiry", "--margin", "5", "--seed", "7"]).0.len(), 2);
    let drawn = center.wait_for_events("sample_drawn", 3);
    assert_eq!((&drawn[1]["frame"], &drawn[1]["sha256"]), (&drawn[0]["frame"], &drawn[0]["sha256"]));
    let (none, said) = sample(&["--queue", "nobody", "--count", "5", "--seed", "7"]);
    assert!(none.is_empty() && said.contains("no queue nobody"), "{said}");
    // People read local times, programs UTC.
    let table = center.command("contacts").output().expect("hotline runs").stdout;
    let (table, rows) = (String::from_utf8_lossy(&table).into_owned(), center.listing("contacts"));
    assert!(
        table.contains("+08:00") && rows[0]["started_at"].as_str().is_some_and(|at| at.ends_with('Z')),
        "{table}"
    );
}

#[test]
fn at_the_drains_limit_callers_hear_the_closing_words_before_the_bye() {
    let mut center = Center::start_with(&[("hotline.toml", "drain_limit_s = 60", "drain_limit_s = 1")]);
    let caller = Caller::call(&center, "8000");
    caller.press_by_info(2, '1');
    let caller = caller.mute(false);
    center.wait_for_events("queue_entered", 1);
    let asked = std::time::Instant::now();
    center.ask_to_end();
    wait_for("the caller to be hung up", || caller.was_hung_up().then_some(()));
    // The clip lasts for seconds; without it the call would end after one.
    let heard = asked.elapsed().as_secs_f64();
    println!("hung up after {heard:.1} s");
    assert!(center.wait_for_end().success(), "{}", center.log());
    assert!(center.log().contains("callers hear that the center closes"), "{}", center.log());
    assert!(center.log().contains("cause=\"shutting_down\" by=\"operator\""), "{}", center.log());
    assert!(!center.log().contains("took too long"), "{}", center.log());
}
