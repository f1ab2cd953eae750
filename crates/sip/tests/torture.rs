//! Messages that are hard to read: our own, after the themes of RFC 4475 and RFC 5118; the reference files
//! where they are at hand; and a mutator over all of them.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test, which reads its cases from files"
)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sip::{
    Endpoint, EndpointSettings, Event, Flow, Frame, Framer, Message, Moment, Output, Random, Sdp, Transport,
    Uri, parse_datagram,
};

/// What an endpoint makes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// A call or a registration that the user decides about.
    Offered,
    /// A final response.
    Answered(u16),
    Nothing,
}

/// One endpoint for one datagram. A REGISTER or INVITE that passes all checks counts as offered.
fn receive(transport: Transport, bytes: &[u8]) -> Vec<Made> {
    let settings = EndpointSettings {
        local: vec!["127.0.0.1:5060".parse().unwrap()],
        user_agent: "torture".to_owned(),
        max_sessions: 10,
        max_transactions: 10,
    };
    let mut endpoint = Endpoint::new(settings, Random::new([1; 32]));
    let (source, local) = ("127.0.0.1:5070".parse().unwrap(), "127.0.0.1:5060".parse().unwrap());
    let flow = Flow { transport, source, local };
    endpoint.handle_datagram(Moment::from_ms(0), flow, bytes);
    let mut made = Vec::new();
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Event(Event::Invited { .. } | Event::Register { .. }) => made.push(Made::Offered),
            Output::Send { bytes, .. } => match parse_datagram(&bytes).expect("what we print can be read") {
                Message::Response(response) => made.push(Made::Answered(response.status.code())),
                Message::Request(_) => {}
            },
            Output::Event(_) => {}
        }
    }
    if made.is_empty() { vec![Made::Nothing] } else { made }
}

fn message(start: &str, headers: &str, body: &str) -> String {
    let method = start.split(' ').next().unwrap_or("");
    format!(
        "{start}\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKown\r\nMax-Forwards: 70\r\n\
         From: <sip:a@192.0.2.7>;tag=f\r\n\
         To: <sip:b@192.0.2.8>\r\nCall-ID: own\r\nCSeq: 3 {method}\r\nContact: <sip:a@192.0.2.7>\r\n{headers}\r\n{body}"
    )
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// Valid by RFC 3261, however odd.
fn valid() -> Vec<(&'static str, String, Made)> {
    let invite = |headers: &str| message("INVITE sip:b@192.0.2.8 SIP/2.0", headers, SDP);
    let options = |headers: &str| message("OPTIONS sip:b@192.0.2.8 SIP/2.0", headers, "");
    let typed = "Content-Type: application/sdp\r\n";
    vec![
        ("plain", invite(typed), Made::Offered),
        ("compact names", invite("c: application/sdp\r\nk: timer\r\ns: lunch\r\n"), Made::Offered),
        (
            "folded",
            invite("Content-Type:\r\n application/sdp\r\nSubject: one\r\n\ttwo\r\n  three\r\n"),
            Made::Offered,
        ),
        ("blank before colon", invite("cOnTeNt-TyPe \t :   application/sdp\r\n"), Made::Offered),
        ("empty header", invite(&format!("{typed}Subject:\r\nX-Odd: ;;,,;\r\n")), Made::Offered),
        ("tel target", message("INVITE tel:+861088880000 SIP/2.0", typed, SDP), Made::Offered),
        (
            "IPv6 target",
            message("INVITE sip:b@[2001:db8::10]:5070;transport=tcp SIP/2.0", typed, SDP),
            Made::Offered,
        ),
        ("no offer", message("INVITE sip:b@192.0.2.8 SIP/2.0", "l: 0\r\n", ""), Made::Offered),
        ("escaped user", message("INVITE sip:%38000%40x@192.0.2.8 SIP/2.0", typed, SDP), Made::Offered),
        (
            "several Vias",
            options("Via: SIP/2.0/SCTP one, SIP/2.0/X two;branch=z9hG4bKq\r\n"),
            Made::Answered(200),
        ),
        ("lower-case version", message("OPTIONS sip:b@192.0.2.8 sip/2.0", "", ""), Made::Answered(200)),
        ("unknown headers", options("X-Bytes: \u{1}é\u{7f}\r\n"), Made::Answered(200)),
        (
            "more than Content-Length",
            message("OPTIONS sip:b@h SIP/2.0", "l: 0\r\n", "\r\nrest"),
            Made::Answered(200),
        ),
        ("lone line feeds", options("").replace("\r\n", "\n"), Made::Answered(200)),
        ("line ends first", format!("\r\n\r\n{}", options("")), Made::Answered(200)),
        ("strange method", message("J*U.M+P~ sip:b@192.0.2.8 SIP/2.0", "", ""), Made::Answered(501)),
        ("escaped is not the method", message("OPT%49ONS sip:b@h SIP/2.0", "", ""), Made::Answered(501)),
        ("no Content-Length", invite(typed), Made::Offered),
        ("bye to nobody", message("BYE sip:b@192.0.2.8 SIP/2.0", "", ""), Made::Answered(481)),
        (
            "a response to nobody",
            "SIP/2.0 200 \r\nVia: SIP/2.0/UDP 127.0.0.1:5060\r\n\r\n".to_owned(),
            Made::Nothing,
        ),
    ]
}

/// Broken; a request among them is told so.
fn invalid() -> Vec<(&'static str, String, Made)> {
    let options = |headers: &str| message("OPTIONS sip:b@192.0.2.8 SIP/2.0", headers, "");
    let bad = Made::Answered(400);
    let swap = |from: &str, to: &str| options("").replace(from, to);
    vec![
        ("two blanks", message("OPTIONS  sip:b@h SIP/2.0", "", ""), bad),
        ("brackets round the target", message("OPTIONS <sip:b@h> SIP/2.0", "", ""), bad),
        ("bare IPv6", message("OPTIONS sip:2001:db8::10 SIP/2.0", "", ""), bad),
        ("headers in the target", message("OPTIONS sip:b@h?Route=%3Csip:x%3E SIP/2.0", "", ""), bad),
        ("a later version", message("OPTIONS sip:b@h SIP/3.1", "", ""), Made::Answered(505)),
        ("another scheme", message("OPTIONS news:b SIP/2.0", "", ""), Made::Answered(416)),
        ("no colon", options("Nonsense\r\n"), bad),
        ("two Call-IDs", options("i: other\r\n"), bad),
        ("two lengths", options("l: 0\r\nContent-Length: 0\r\n"), bad),
        ("negative length", options("Content-Length: -1\r\n"), bad),
        ("longer than it is", options("Content-Length: 9\r\n"), bad),
        ("CSeq names another", swap("CSeq: 3 OPTIONS", "CSeq: 3 INVITE"), bad),
        ("CSeq too large", swap("CSeq: 3", "CSeq: 99999999999999999999"), bad),
        ("hops beyond 255", swap("Max-Forwards: 70", "Max-Forwards: 256"), bad),
        ("open quote", swap("From: <", "From: \"Mr <"), bad),
        ("comma in a bare name", swap("From: <", "From: A, B <"), bad),
        ("blanks in brackets", swap("To: <sip:b@192.0.2.8>", "To: < sip:b@192.0.2.8 >"), bad),
        ("empty parameters", swap(";branch=z9hG4bKown", ";;,;"), bad),
        ("no From", swap("From: <sip:a@192.0.2.7>;tag=f\r\n", ""), bad),
        ("no tag", swap(";tag=f", ""), bad),
        ("unknown extension", options("Require: teleport\r\n"), Made::Answered(420)),
        ("300 headers", options(&"X: y\r\n".repeat(300)), Made::Answered(513)),
        ("100 Vias", options(&"Via: SIP/2.0/UDP h\r\n".repeat(100)), Made::Answered(513)),
        ("a long header", options(&format!("X: {}\r\n", "y".repeat(10_000))), Made::Answered(513)),
        ("a status that wraps", "SIP/2.0 4294967496 OK\r\n\r\n".to_owned(), Made::Nothing),
        ("noise", "\0\u{1}\u{2} nonsense".to_owned(), Made::Nothing),
        ("a bare ack", message("ACK sip:b@h SIP/2.0", "", ""), Made::Nothing),
    ]
}

#[test]
fn our_own_cases_get_their_verdicts() {
    for (name, text, expected) in valid().into_iter().chain(invalid()) {
        assert_eq!(receive(Transport::Udp, text.as_bytes()), [expected], "{name}");
    }
}

#[test]
fn printing_what_was_read_changes_nothing() {
    for (name, text, _) in valid() {
        let message = parse_datagram(text.as_bytes()).expect(name);
        // Content-Length is counted anew, so the second round is the fixed point.
        let once = parse_datagram(&message.print()).expect(name);
        assert_eq!(parse_datagram(&once.print()).as_ref(), Ok(&once), "{name}");
    }
}

/// Where the reference files are, if they are.
fn reference() -> Option<PathBuf> {
    let named = std::env::var_os("HOTLINE_TORTURE").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/torture");
    [named, Some(beside)].into_iter().flatten().find(|folder| folder.join("manifest.csv").is_file())
}

/// The columns of one line of comma-separated values with quotes.
fn columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => columns.push(String::new()),
            other => columns.last_mut().expect("there is always one").push(other),
        }
    }
    columns
}

/// True when the manifest allows what came of it. `accept` and routing answers are the user's business:
/// here they are
/// an offered call or registration.
fn is_allowed(allowed: &str, made: &[Made]) -> bool {
    let [made] = made else { return false };
    allowed.split('|').any(|allowed| match (allowed, made) {
        ("accept" | "401" | "404" | "4xx-routing", Made::Offered) => true,
        // Its To has a tag, and a dialog of that tag we do not have.
        ("4xx-routing", Made::Answered(481)) => true,
        ("drop" | "drop-no-match", Made::Nothing) => true,
        (code, Made::Answered(made)) => code.parse() == Ok(*made),
        (_, Made::Offered | Made::Nothing) => false,
    })
}

/// INVITEs whose only fault for us is an offer without a codec of ours.
const NO_CODEC: [&str; 3] =
    ["RFC5118-ipv4-mapped-ipv6", "RFC5118clfix-ipv4-mapped-ipv6", "RFC5118clfix-mult-ip-in-sdp"];

#[test]
fn the_reference_files_get_their_verdicts() {
    let Some(folder) = reference() else {
        println!("skipped: no reference files (set HOTLINE_TORTURE to their folder)");
        return;
    };
    let manifest = std::fs::read_to_string(folder.join("manifest.csv")).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in manifest.lines().skip(1) {
        let row = columns(line);
        let (id, file, transport, allowed) = (&row[0], &row[1], &row[7], &row[10]);
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let transport = if transport == "TCP" { Transport::Tcp } else { Transport::Udp };
        let made = receive(transport, &bytes);
        count += 1;
        let codec = NO_CODEC.contains(&id.as_str()) && made == [Made::Answered(488)];
        if !is_allowed(allowed, &made) && !codec {
            wrong.push(format!("{id}: {made:?}, allowed {allowed}"));
        }
    }
    println!("{count} reference files");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn corpus() -> Vec<Vec<u8>> {
    let own = valid().into_iter().chain(invalid()).map(|(_, text, _)| text.into_bytes());
    let mut corpus: Vec<Vec<u8>> = own.collect();
    if let Some(folder) = reference() {
        for part in ["rfc4475", "rfc5118"] {
            let mut files: Vec<_> =
                std::fs::read_dir(folder.join(part)).unwrap().flatten().map(|f| f.path()).collect();
            files.sort();
            corpus.extend(files.iter().map(|file| std::fs::read(file).unwrap()));
        }
    }
    corpus
}

/// Everything that a stranger's bytes reach; returning is passing.
fn read_all(bytes: &[u8]) {
    for transport in [Transport::Udp, Transport::Tcp] {
        receive(transport, bytes);
    }
    let mut framer = Framer::new();
    for piece in bytes.chunks(97) {
        framer.push(piece);
        while let Some(frame) = framer.poll_frame() {
            if let Frame::Message(message) = frame {
                message.print();
            }
        }
    }
    if let Ok(sdp) = Sdp::parse(bytes) {
        assert_eq!(Sdp::parse(sdp.to_string().as_bytes()), Ok(sdp));
    }
    if let Ok(message) = parse_datagram(bytes) {
        let once = parse_datagram(&message.print()).map(|message| message.print());
        let twice = once.clone().and_then(|bytes| parse_datagram(&bytes)).map(|message| message.print());
        assert_eq!(once, twice);
    }
}

/// One change: cut, doubled, or bytes put in.
fn mutate(bytes: &mut Vec<u8>, kind: u8, at: prop::sample::Index, length: usize, insert: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let start = at.index(bytes.len());
    let end = (start + length).min(bytes.len());
    match kind % 3 {
        0 => drop(bytes.drain(start..end)),
        1 => {
            let piece = bytes[start..end].to_vec();
            bytes.splice(start..start, piece);
        }
        _ => drop(bytes.splice(start..end.min(start + insert.len()), insert.iter().copied())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_messages_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (any::<u8>(), any::<prop::sample::Index>(), 0_usize..60, prop::collection::vec(any::<u8>(), 1..8)),
            1..5,
        ),
    ) {
        let corpus = corpus_once();
        let mut bytes = corpus[which.index(corpus.len())].clone();
        for (kind, at, length, insert) in changes {
            mutate(&mut bytes, kind, at, length, &insert);
        }
        read_all(&bytes);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn addresses_never_panic(text in "(sip|sips|tel)?:?[ -~é\\[\\]%@:;?=]{0,60}") {
        if let Ok(uri) = Uri::parse(&text) {
            prop_assert_eq!(Uri::parse(&uri.to_string()), Ok(uri));
        }
    }
}

fn corpus_once() -> &'static [Vec<u8>] {
    static CORPUS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    CORPUS.get_or_init(corpus)
}

/// What `rsip` accepts of our valid cases, we read the same way.
#[test]
fn rsip_agrees_where_it_accepts() {
    use rsip::headers::UntypedHeader;
    use rsip::prelude::HeadersExt;
    let mut agreed = 0;
    for (name, text, _) in valid() {
        let Ok(Message::Request(ours)) = parse_datagram(text.as_bytes()) else { continue };
        let Ok(theirs) = rsip::Request::try_from(text.as_bytes()) else { continue };
        assert_eq!(theirs.method.to_string(), ours.method.to_string(), "{name}");
        if let (Ok(theirs), Ok(ours)) = (theirs.call_id_header(), ours.call_id()) {
            assert_eq!(theirs.value(), ours, "{name}");
        }
        if let (Ok(Ok(theirs)), Ok(ours)) = (theirs.cseq_header().map(|header| header.seq()), ours.cseq()) {
            assert_eq!(theirs, ours.number, "{name}");
        }
        agreed += 1;
    }
    println!("rsip read {agreed} of {} valid cases", valid().len());
    assert!(agreed >= 8, "{agreed}");
}
