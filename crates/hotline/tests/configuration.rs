//! The shipped configuration is sound, and a bad one is told everything that is wrong with it at once.

use std::path::{Path, PathBuf};

use hotline::config::{self, Sources};
use testing::{Authority, Scratch};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources<'a>(config: &'a Path, prompts: &'a Path) -> Sources<'a> {
    Sources { config, prompts, clips: None }
}

/// A copy of the shipped configuration with texts replaced.
struct Changed(Scratch);

impl Changed {
    fn new(name: &str, changes: &[(&str, &str, &str)]) -> Changed {
        let folder = Scratch::new(name);
        std::fs::create_dir_all(folder.join("flows")).expect("the temporary folder takes a folder");
        let shipped = repository().join("config");
        for file in
            ["hotline.toml", "queues.toml", "agents.toml", "trunks.toml", "numbers.toml", "flows/main.toml"]
        {
            let mut text = std::fs::read_to_string(shipped.join(file)).expect("a shipped file");
            for (_, from, to) in changes.iter().filter(|(changed, ..)| *changed == file) {
                assert!(text.contains(from), "{from:?} is not in {file}");
                text = text.replacen(from, to, 1);
            }
            std::fs::write(folder.join(file), text).expect("the temporary folder takes a file");
        }
        Changed(folder)
    }

    fn problems(&self) -> Vec<String> {
        match config::load(sources(self.0.path(), &repository().join("prompts")), false) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(|problem| problem.message.en.clone()).collect(),
        }
    }
}

#[test]
fn the_shipped_configuration_is_sound_and_its_flow_tests_pass() {
    let root = repository();
    let loaded = config::load(sources(&root.join("config"), &root.join("prompts")), true);
    let configuration = loaded.unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(configuration.passwords.len(), 6);
    assert_eq!(configuration.sample_passwords().len(), 6);
    assert!(configuration.flow_tests.passed >= 10 && configuration.flow_tests.failed == 0);
    let sip = configuration.server.sip.iter().map(|listener| listener.bind);
    assert!(sip.chain([configuration.server.http]).all(|address| address.ip().is_loopback()));
}

#[test]
fn every_file_is_told_its_problems_in_one_run() {
    let changed = Changed::new(
        "all",
        &[
            ("hotline.toml", "listen = \"127.0.0.1:5060\"", "listen = \"here\""),
            ("hotline.toml", "# threads = 2 ", "treads = 2 "),
            ("queues.toml", "wrap_up_s = 10", "wrap_up_s = \"ten\""),
            ("agents.toml", "queues = [\"inquiry\"]", "queues = [\"sales\"]"),
            ("agents.toml", "id = \"2002\"", "id = \"2001\""),
            ("trunks.toml", "127.0.0.0/8", "127.0.0.0/99"),
            ("numbers.toml", "language = \"en-US\"", "language = \"fr\""),
            ("numbers.toml", "\"*70\" = \"ready\"", "\"*70\" = \"lunch\""),
            ("flows/main.toml", "prompts = [\"welcome\"]", "prompts = [\"wellcome\"]"),
        ],
    );
    let problems = changed.problems();
    for expected in [
        "listen = \"here\" cannot be used",
        "unknown key treads",
        "wrap_up_s must be a whole number, not a string",
        "there is no queue sales",
        "2001 is there twice",
        "sources = \"127.0.0.0/99\" cannot be used",
        "language = \"fr\" cannot be used",
        "*70 cannot be a feature code",
        "there is no prompt zh-CN/wellcome",
    ] {
        assert!(problems.iter().any(|problem| problem == expected), "{expected:?} in {problems:#?}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let changed = Changed::new("missing", &[]);
    std::fs::remove_file(changed.0.join("queues.toml")).unwrap();
    let problems = changed.problems();
    let [only] = &problems[..] else { panic!("one cause and what follows from it: {problems:?}") };
    assert!(only.starts_with("cannot be read"), "{only}");
}

/// What editors and other systems make of files: a byte order mark, another encoding, files beside ours.
#[test]
fn files_as_other_systems_write_them() {
    let changed = Changed::new("windows", &[]);
    let path = |name: &str| changed.0.join(name);
    let flow = std::fs::read(path("flows/main.toml")).unwrap();
    std::fs::write(path("flows/main.toml"), [b"\xef\xbb\xbf", &flow[..]].concat()).unwrap();
    std::fs::write(path("flows/._main.toml"), b"\0\x05\x16\x07").unwrap();
    std::fs::write(path("flows/main.flowtest"), "\u{feff}# nothing yet\n").unwrap();
    let loaded = config::load(sources(changed.0.path(), &repository().join("prompts")), true);
    assert!(loaded.is_ok(), "{:?}", loaded.err());

    // 咨询 in GBK.
    std::fs::write(path("queues.toml"), b"# a\n# \xd7\xc9\xd1\xaf\n[[queue]]\nname = \"inquiry\"\n").unwrap();
    let problems = changed.problems();
    let [only] = &problems[..] else { panic!("one cause and what follows from it: {problems:?}") };
    assert!(only.contains("UTF-8") && only.contains("line 2"), "{only}");
}

#[test]
fn a_flow_that_cannot_be_read_is_said_once() {
    let changed = Changed::new("flow", &[("flows/main.toml", "start = \"welcome\"", "start = welcome")]);
    let problems = changed.problems();
    assert!(
        !problems.is_empty() && !problems.iter().any(|problem| problem.contains("no flow")),
        "{problems:?}"
    );
}

/// One row: the file, what stands there, what is written in its place, and what is said of it.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[test]
fn what_cannot_work_is_refused() {
    let rows: [Row; 33] = [
        (
            "agents.toml",
            "password = \"sample-1001\"",
            "password_md5 = \"hotline:12\"",
            "password_md5 is no hash",
        ),
        (
            "agents.toml",
            "password = \"sample-1001\"",
            "password_md5 = \"other:00000000000000000000000000000000\"",
            "for the realm hotline",
        ),
        (
            "agents.toml",
            "password = \"sample-1001\"",
            "password = \"sample-1001\"\npassword_md5 = \"hotline:00000000000000000000000000000000\"",
            "there twice",
        ),
        ("agents.toml", "password = \"sample-1001\"\n", "", "password is missing"),
        (
            "agents.toml",
            "password = \"sample-1001\"",
            "digest = [\"SHA-256\"]\npassword_md5 = \"hotline:00000000000000000000000000000000\"",
            "no challenge",
        ),
        (
            "hotline.toml",
            "realm = \"hotline\"",
            "realm = \"hotline\"\ndigest = [\"MD5\", \"MD5\"]",
            "MD5 is there twice",
        ),
        ("agents.toml", "\"sample-1001\"", "\"\"", "agent 1001 has a password that anybody guesses"),
        ("agents.toml", "\"sample-1001\"", "\" \"", "agent 1001 has a password that anybody guesses"),
        ("agents.toml", "\"sample-1001\"", "\"1001\"", "agent 1001 has a password that anybody guesses"),
        ("numbers.toml", "number = \"8001\"", "number = \"8000\"", "8000 is in line"),
        ("numbers.toml", "number = \"8001\"", "number = \"1002\"", "1002 is an agent too"),
        (
            "numbers.toml",
            "\"*1\" = \"transfer\"",
            "\"1\" = \"transfer\"",
            "1 = \"transfer\" cannot be a code",
        ),
        ("numbers.toml", "\"*1\" = \"transfer\"", "\"*1\" = \"lunch\"", "*1 = \"lunch\" cannot be a code"),
        ("numbers.toml", "\"*1\" = \"transfer\"", "\"*21\" = \"transfer\"", "codes *2 and *21 are ambiguous"),
        ("numbers.toml", "number = \"8001\"", "number = \"*70\"", "*70 is a number to dial already"),
        ("queues.toml", "offer_s = 15", "offer_s = 0", "offer_s"),
        (
            "hotline.toml",
            "# [[recordings.retention]]\n# name = \"complaints\"\n# queue = \"complaint\" ",
            "[[recordings.retention]]\nname = \"a\"\ndays = 3\nqueue = \"nobody\" #",
            "there is no queue nobody",
        ),
        (
            "hotline.toml",
            "# fallback = \"/mnt/second/recordings\"",
            "fallback = \"no-such-folder\"",
            "there is no folder no-such-folder",
        ),
        ("hotline.toml", "# url = \"postgres:", "url = \"mysql:", "no database is reached"),
        ("hotline.toml", "# url = \"postgres:", "url = \"", "no database is reached"),
        (
            "hotline.toml",
            "listen = \"127.0.0.1:5060\"",
            "listen = \"0.0.0.0:5060\"",
            "cannot be told the address",
        ),
        (
            "hotline.toml",
            "listen = \"127.0.0.1:5060\"",
            "listen = \"[::]:5060\"\nadvertised = \"192.0.2.1\"",
            "different IP versions",
        ),
        (
            "hotline.toml",
            "listen = \"127.0.0.1:5060\"",
            "listen = [\"0.0.0.0:5060\", \"[::]:5060\"]\nadvertised = \"192.0.2.1\"",
            "[::]:5060: peers cannot be told the address ::",
        ),
        (
            "hotline.toml",
            "listen = \"127.0.0.1:5060\"",
            "listen = [\"127.0.0.1:5060\", \"127.0.0.1:5060\"]",
            "127.0.0.1:5060: peers are told the address of another",
        ),
        (
            "hotline.toml",
            "listen = \"127.0.0.1:5060\"",
            "listen = [\"127.0.0.1:5060\", \"127.0.0.2:5060\"]\nadvertised = \"192.0.2.1\"",
            "127.0.0.2:5060: peers are told the address of another",
        ),
        (
            "hotline.toml",
            "listen = \"127.0.0.1:5060\"",
            "listen = [\"127.0.0.1:5060\", \"[::1]:5060\"]\nadvertised = [\"192.0.2.1\", \"192.0.2.2\"]",
            "several addresses of one IP version",
        ),
        ("hotline.toml", "listen = \"127.0.0.1:5060\"", "listen = []", "listen is missing"),
        ("hotline.toml", "listen = \"127.0.0.1:5060\"", "listen = [\"::1\"]", "listen"),
        ("hotline.toml", "\"Asia/Shanghai\"", "\"Asia/Shangai\"", "time_zone"),
        ("hotline.toml", "time_zone = ", "utc_offset = \"Z\"\ntime_zone = ", "time_zone says it already"),
        ("agents.toml", "[[agent]]", "[[nobody]]", "nobody"),
        ("numbers.toml", "flow = \"main\"", "flow = \"mian\"", "there is no flow"),
        ("agents.toml", "queues = [\"inquiry\"]", "queues = [\"inquiries\"]", "there is no queue inquiries"),
    ];
    for (nth, (file, from, to, said)) in rows.into_iter().enumerate() {
        let changed = Changed::new(&format!("refused-{nth}"), &[(file, from, to)]);
        let problems = changed.problems();
        assert!(problems.iter().any(|problem| problem.contains(said)), "{file}, {to:?}: {problems:?}");
    }
}

#[test]
fn a_center_without_people_or_numbers_is_refused() {
    for (file, said) in
        [("agents.toml", "there are no agents"), ("numbers.toml", "there is no number to dial")]
    {
        let changed = Changed::new(&format!("empty-{file}"), &[]);
        std::fs::write(changed.0.join(file), "# nothing\n").unwrap();
        assert_eq!(changed.problems(), [said]);
    }
}

#[test]
fn what_may_surprise_is_warned_of() {
    let rows = [
        ("queues = [\"complaint\"]", "queues = []", "agent 2001 takes calls of no queue"),
        ("queues = [\"inquiry\", \"complaint\"]", "queues = [\"inquiry\"]", ""),
    ];
    for (from, to, said) in rows {
        let changed = Changed::new("warned", &[("agents.toml", from, to)]);
        let loaded = config::load(sources(changed.0.path(), &repository().join("prompts")), false);
        let warnings = loaded.unwrap_or_else(|problems| panic!("{problems:?}")).warnings;
        let said_so = warnings.iter().any(|warning| warning.message.en == said);
        assert_eq!(said_so, !said.is_empty(), "{warnings:?}");
    }
}

#[test]
fn zones_are_written_by_name_or_offset() {
    for (from, to) in [
        ("time_zone = \"Asia/Shanghai\"", "utc_offset = \"Asia/Shanghai\""),
        ("time_zone = \"Asia/Shanghai\"", "utc_offset = \"+08:00\""),
        ("time_zone = \"Asia/Shanghai\"", "time_zone = \"Europe/Berlin\""),
    ] {
        let changed = Changed::new("zones", &[("hotline.toml", from, to)]);
        assert_eq!(changed.problems(), [""; 0]);
    }
}

#[test]
fn each_listening_address_has_its_own_advertised_one() {
    for (written, expected) in [
        ("listen = \"127.0.0.1:5060\"", vec![("127.0.0.1:5060", "127.0.0.1")]),
        (
            "listen = [\"0.0.0.0:5060\", \"[::]:5060\"]\nadvertised = [\"2001:db8::1\", \"192.0.2.1\"]",
            vec![("0.0.0.0:5060", "192.0.2.1"), ("[::]:5060", "2001:db8::1")],
        ),
        (
            "listen = [\"10.0.0.1:5060\", \"[2001:db8::9]:5060\"]\nadvertised = \"192.0.2.1\"",
            vec![("10.0.0.1:5060", "192.0.2.1"), ("[2001:db8::9]:5060", "2001:db8::9")],
        ),
        (
            "listen = [\"10.0.0.1:5060\", \"10.0.0.2:5060\"]\nadvertised = [\"192.0.2.1\", \"192.0.2.2\"]",
            vec![("10.0.0.1:5060", "192.0.2.1"), ("10.0.0.2:5060", "192.0.2.2")],
        ),
    ] {
        let changed = Changed::new("listening", &[("hotline.toml", "listen = \"127.0.0.1:5060\"", written)]);
        let loaded = config::load(sources(changed.0.path(), &repository().join("prompts")), false);
        let configuration = loaded.unwrap_or_else(|problems| panic!("{written}: {problems:?}"));
        let listeners = configuration.server.sip.iter();
        let found: Vec<_> = listeners
            .map(|listener| (listener.bind.to_string(), listener.advertised_ip().to_string()))
            .collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(bind, told)| (bind.to_owned(), told.to_owned())).collect();
        assert_eq!(found, expected, "{written}");
    }
}

/// The warnings of a sound configuration.
fn warnings(changed: &Changed) -> Vec<String> {
    let loaded = config::load(sources(changed.0.path(), &repository().join("prompts")), false);
    let configuration = loaded.unwrap_or_else(|problems| panic!("{problems:?}"));
    configuration.warnings.iter().map(|problem| problem.message.en.clone()).collect()
}

#[test]
fn keys_of_srtp_that_travel_legibly_are_warned_of() {
    let certificates = Scratch::new("secrecy");
    let (certificate, key) = Authority::new(certificates.path(), "authority").issue("sip", "DNS:h", 30);
    let tls = format!(
        "[sip.tls]\nlisten = \"127.0.0.1:0\"\ncertificate = \"{}\"\nkey = \"{}\"\n\n[http]\n",
        certificate.display(),
        key.display()
    );
    let required = ("hotline.toml", "srtp = \"off\"", "srtp = \"required\"");
    let spoken = ("hotline.toml", "[http]\n", tls.as_str());
    let trunk = |gateway: &str| format!("name = \"loopback\"\ngateways = [\"{gateway}\"]");
    let (plain, secure) = (trunk("sip:127.0.0.1:5099"), trunk("sips:127.0.0.1:5099"));
    let plain = ("trunks.toml", "name = \"loopback\"", plain.as_str());
    let secure = ("trunks.toml", "name = \"loopback\"", secure.as_str());
    for (name, changes, expected) in [
        ("off", &[spoken, plain][..], &[][..]),
        ("without", &[required], &["srtp = \"required\" for agents", "trunk loopback: srtp = \"required\""]),
        ("with", &[required, spoken], &[]),
        ("plain", &[required, spoken, plain], &["trunk loopback: srtp = \"required\""]),
        ("secure", &[required, spoken, secure], &[]),
    ] {
        let said = warnings(&Changed::new(&format!("secrecy-{name}"), changes));
        assert_eq!(said.len(), expected.len(), "{name}: {said:?}");
        assert!(said.iter().zip(expected).all(|(said, begin)| said.starts_with(begin)), "{name}: {said:?}");
    }
    let unspoken = Changed::new("secrecy-unspoken", &[secure]).problems();
    assert_eq!(unspoken, ["a gateway is reached over TLS, but SIP listens for none"]);
    let known = ("trunks.toml", "name = \"loopback\"", "name = \"loopback\"\ntls_client = \"sbc.example\"");
    let unasked = Changed::new("secrecy-unasked", &[spoken, known]).problems();
    assert_eq!(unasked, ["tls_client needs client_ca in [sip.tls]"]);
}

#[test]
fn each_fault_of_the_tls_table_is_named() {
    let table = |lines: &str| format!("[sip.tls]\n{lines}\n\n[http]\n");
    for (name, lines, expected) in [
        ("empty", "", &["TLS needs certificate and key", "listen is missing"][..]),
        (
            "web",
            "[http.tls]\nlisten = \"here\"\nclient_ca = \"x\"\n\n[http]\n",
            &["TLS needs certificate and key", "listen = \"here\" cannot be used", "unknown key client_ca"],
        ),
        (
            "half",
            "listen = \"127.0.0.1:0\"\ncertificate = \"/nowhere.pem\"",
            &["certificate and key belong together"],
        ),
        (
            "missing",
            "listen = \"127.0.0.1:0\"\ncertificate = \"/nowhere.pem\"\nkey = \"/nowhere.key\"\nclient_ca = \"/no.pem\"\nminimum_version = \"1.1\"",
            &["/no.pem cannot be read", "/nowhere.pem cannot be read", "minimum_version = \"1.1\""],
        ),
    ] {
        let table = if name == "web" { lines.to_owned() } else { table(lines) };
        let mut said =
            Changed::new(&format!("tls-{name}"), &[("hotline.toml", "[http]\n", &table)]).problems();
        said.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(said.len(), expected.len(), "{name}: {said:?}");
        assert!(said.iter().zip(expected).all(|(said, begin)| said.starts_with(begin)), "{name}: {said:?}");
    }
}
