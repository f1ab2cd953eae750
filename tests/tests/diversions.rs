//! Calls that were elsewhere before (Diversion, History-Info), from a trunk that is believed and from one that is not.

use hotline_tests::{Center, Sipp};
use serde_json::{Value, json};

/// A call to 8000 with this header; its contact.
fn call(center: &Center, header: &str) -> Value {
    let before = center.contacts().len();
    Sipp::customer(center, "is-diverted.xml", "8000", &[("way", header)]).assert_all_calls_went_well();
    center.wait_until_sealed(before + 1);
    // The newest first.
    center.contacts().swap_remove(0)
}

fn center(trunk: &str) -> Center {
    let name = "name = \"loopback\"";
    Center::start_with(&[("trunks.toml", name, &format!("{name}\n{trunk}"))])
}

const DIVERSION: &str =
    "Diversion: <sip:3000@carrier.example>;reason=no-answer, <sip:8001@carrier.example>;reason=user-busy";
const HISTORY: &str = "History-Info: <sip:8001@carrier.example?Reason=SIP%3Bcause%3D486>;index=1, \
                       <sip:3000@carrier.example>;index=1.1, <sip:8000@127.0.0.1;cause=408>;index=1.2";

#[test]
fn where_a_call_was_is_kept_and_the_number_that_was_dialled_first_chooses_the_entry() {
    let center = center("trust_identity = true\nentry_by_diversion = true");
    for header in [DIVERSION, HISTORY] {
        let contact = call(&center, header);
        let way = json!([
            { "number": "8001", "reason": "user_busy" },
            { "number": "3000", "reason": "no_answer" },
        ]);
        assert_eq!(contact["diversions"], way, "{header}");
        // The English entry, not the Chinese one of 8000.
        assert_eq!((&contact["number"], &contact["language"]), (&"8001".into(), &"en-US".into()));
        let started = center.events_of_type("contact_started");
        assert_eq!(started[started.len() - 1]["diversions"], way);
    }
    assert_eq!(center.listing("contacts")[0]["diversions"][0]["number"], "8001");
    // A number that is no entry chooses none.
    let contact = call(&center, "Diversion: <sip:4001234567@carrier.example>;reason=away;privacy=full");
    assert_eq!(contact["diversions"], json!([{ "number": null, "reason": "away" }]));
    assert_eq!(contact["number"], "8000");
}

#[test]
fn a_trunk_that_is_not_believed_may_say_what_it_likes() {
    let center = center("");
    let contact = call(&center, DIVERSION);
    assert_eq!((&contact["diversions"], &contact["number"]), (&json!([]), &"8000".into()));
}

#[test]
fn believed_it_is_kept_but_chooses_nothing_unless_that_is_wanted_and_hostile_text_is_not_kept() {
    let center = center("trust_identity = true");
    assert_eq!(call(&center, DIVERSION)["number"], "8000");
    let hostile = "Diversion: \"<b>\" <sip:<script>@x>;reason=<b>, <sip:4000@x>;reason=\"'; DROP TABLE contacts\", \u{7}";
    assert_eq!(call(&center, hostile)["diversions"], json!([{ "number": "4000", "reason": "unknown" }]));
    let many: Vec<String> = (0..40).map(|nth| format!("<sip:{}@x>", 4000 + nth)).collect();
    let kept = call(&center, &format!("Diversion: {}", many.join(", ")));
    assert_eq!(kept["diversions"].as_array().map(Vec::len), Some(8));
    assert_eq!(kept["diversions"][0]["number"], "4039", "the number that was dialled first");
}

#[test]
fn an_entry_by_diversion_of_a_trunk_that_is_not_believed_is_a_mistake() {
    let name = "name = \"loopback\"";
    let changes = [("trunks.toml", name, "name = \"loopback\"\nentry_by_diversion = true")];
    let (code, said) = Center::refused(&changes, |_, _| ());
    assert_ne!(code, Some(0));
    assert!(said.contains("trust_identity") && said.contains("trunks.toml"), "{said}");
}
