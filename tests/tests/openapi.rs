//! The description of the API, held against the API by somebody else's program.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use hotline_tests::{Center, Phone};

/// Schemathesis, where `tests/install.sh` puts it or in the PATH.
fn schemathesis() -> Option<PathBuf> {
    let ours = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/schemathesis/bin/schemathesis");
    let paths = env::var_os("PATH").unwrap_or_default();
    let others = env::split_paths(&paths).map(|folder| folder.join("schemathesis"));
    [ours].into_iter().chain(others).find(|path| path.is_file())
}

/// Requests that the description allows, and such as it forbids, are answered as it says, on every operation but the
/// event stream: a WebSocket is nothing that OpenAPI describes.
#[test]
fn schemathesis_finds_nothing() {
    let Some(schemathesis) = schemathesis() else {
        eprintln!(
            "schemathesis is not installed (tests/install.sh): the description is not held against the API"
        );
        return;
    };
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", 440);
    center.wait_for_seat("1001");
    let mut leaves = Phone::customer(&center, "13800138000", 300);
    leaves.dial("8000");
    leaves.press('1');
    center.talk_for_seconds(1);
    leaves.hang_up();
    let recording = center.wait_until_sealed(1)[0]["id"].as_str().expect("an id").to_owned();
    let mut talks = Phone::customer(&center, "13900139000", 300);
    talks.dial("8000");
    let contact = center.contacts()[0]["id"].as_str().expect("an id").to_owned();
    fs::write(center.folder.join("schemathesis.toml"), parameters(&contact, &recording))
        .expect("it is written");
    // Else it would revoke the token that it found in the list: its own.
    let tokens = ["createToken", "revokeToken"].map(|id| ["--include-operation-id", id]).concat();
    for operations in [vec!["--exclude-operation-id-regex", "^(streamEvents|revokeToken)$"], tokens] {
        let token = center.make_token("admin");
        let mut command = Command::new(&schemathesis);
        command.current_dir(&center.folder).args(["run", "--checks", "all", "--seed", "7", "--no-color"]);
        command.args(["--max-examples", "25", "--request-timeout", "70"]).args(operations);
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
        let output = command.arg(format!("http://{}/api/openapi.json", center.http_address())).output();
        let output = output.expect("schemathesis runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{said}");
        assert_eq!(center.get_with(&token, "contacts").0, 200, "its token was valid to the end: {said}");
    }
}

/// What is there to be asked about: a contact that goes on, a sealed recording, an agent.
fn parameters(contact: &str, recording: &str) -> String {
    let mut text = String::new();
    for (paths, id) in [("contacts", contact), ("recordings", recording), ("agents", "1001")] {
        text += &format!("[[operations]]\ninclude-path-regex = \"^/api/v1/{paths}/\"\n");
        text += &format!("parameters = {{ \"path.id\" = \"{id}\" }}\n\n");
    }
    text
}
