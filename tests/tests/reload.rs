//! Settings that are replaced while calls go on: `hotline reload`, SIGHUP.

use hotline_tests::{
    AGENT_HZ, CUSTOMER_HZ, Caller, Center, Heard, Phone, assert_each_on_its_channel, heard, wait_for,
    write_tone,
};
use serde_json::{Value, json};

/// An agent more, after the samples.
const NEW_AGENT: &str =
    "id = \"1009\"\npassword = \"sample-1009\"\nqueues = [\"inquiry\"]\n\n[[agent]]\nid = \"2001\"";

#[test]
fn a_talk_goes_on_while_agents_numbers_and_queues_are_replaced_and_the_next_call_finds_them() {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(2);

    center.edit("agents.toml", "id = \"2001\"", NEW_AGENT);
    // The agent who talks is taken out, with the seat.
    center.edit(
        "agents.toml",
        "id = \"1001\"\npassword = \"sample-1001\"",
        "id = \"1010\"\npassword = \"x-1010\"",
    );
    center.edit("numbers.toml", "number = \"8001\"", "number = \"8009\"");
    center.edit("queues.toml", "offer_s = 15                   # how", "offer_s = 9 # how");
    let (done, said) = center.reload(&["--dry-run"]);
    assert!(done && said.contains("agent[1009].queues") && said.contains("nothing was changed"), "{said}");
    assert_ne!(Caller::answer_to_a_call(&center, "8009").get(..11), Some("SIP/2.0 200"), "only shown");
    let (done, said) = center.reload(&[]);
    assert!(done, "{said}");
    for change in ["agent[1001].id", "agent[1009].id", "number[8009].flow", "queue[inquiry].offer_s"] {
        assert!(said.contains(change), "{change}: {said}");
    }
    assert!(said.contains("***") && !said.contains("sample-1009"), "{said}");

    let noted = center.wait_for_events("configuration_replaced", 1);
    let is_named = |change: &Value| change["key"] == "agent[1009].queues" && change["effect"] == "now";
    assert!(noted[0]["changes"].as_array().is_some_and(|changes| changes.iter().any(is_named)), "{noted:?}");

    // The talk goes on, and the next customer finds what is new.
    center.record_for_seconds(2);
    let mut second = Phone::customer(&center, "bob", CUSTOMER_HZ);
    second.dial("8009");
    second.press('1');
    let _new = Phone::agent(&center, "1009", AGENT_HZ);
    let contact = center.wait_for_contact("/agent", "1009");
    assert_eq!(contact["language"], "en-US");
    let mut late = Caller::try_to_call(&center, "8001");
    assert!(late.take().is_none(), "the number is gone");
    center.record_each_for_seconds(2);
    agent.hang_up();
    second.hang_up();
    let talks = wait_for("both talks to end", || {
        let ended = center.events_of_type("segment_ended");
        (ended.len() == 2).then_some(ended)
    });
    assert_eq!(talks[0]["end"]["by"], "agent", "{talks:?}");
    let sealed = center.wait_until_sealed(2);
    let first = sealed.iter().find(|row| row["contact_id"] != contact["id"]).expect("the first recording");
    assert_eq!(first["gaps"], json!([]));
    assert_each_on_its_channel(&center.recording_file(first));
    center.assert_rows_and_files_agree();
}

#[test]
fn a_faulty_file_changes_nothing_and_every_fault_is_named_to_whoever_asked() {
    let center = Center::start();
    center.edit("queues.toml", "wrap_up_s = 10", "wrap_up = 10");
    center.edit("agents.toml", "password = \"sample-1003\"", "password = \"\"");
    center.edit("numbers.toml", "number = \"8001\"", "number = \"8009\"");
    let (done, said) = center.reload(&[]);
    assert!(!done);
    for fault in ["queues.toml:", "wrap_up", "agents.toml:", "1003"] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
    assert!(said.contains("The configuration is not sound"), "{said}");
    let call = Caller::call(&center, "8001");
    assert!(Caller::try_to_call(&center, "8009").is_none(), "the sound file is not taken alone");
    call.hang_up();
    // At a signal nobody waits for an answer: it stands in the log.
    center.signal("HUP");
    center.wait_for_log("the configuration was not read anew: nothing was changed");
    assert!(center.log().contains("wrap_up"), "{}", center.log());
}

#[test]
fn a_caller_in_the_menu_keeps_the_flow_that_the_call_began_in() {
    let center = Center::start();
    let (mut before, mut after) =
        (Phone::customer(&center, "alice", CUSTOMER_HZ), Phone::customer(&center, "bob", CUSTOMER_HZ));
    before.dial("8000");
    center.edit(
        "flows/main.toml",
        "\"1\" = \"inquiry\"\n\"2\" = \"complaint\"",
        "\"1\" = \"complaint\"\n\"2\" = \"inquiry\"",
    );
    center.signal("HUP");
    center.wait_for_log("the configuration was read anew");
    after.dial("8000");
    before.press('1');
    after.press('1');
    let queues = wait_for("both to wait", || {
        let entered = center.events_of_type("queue_entered");
        (entered.len() == 2).then_some(entered)
    });
    let mut queues: Vec<&Value> = queues.iter().map(|event| &event["queue"]).collect();
    queues.sort_by_key(|queue| queue.to_string());
    assert_eq!(queues, ["complaint", "inquiry"]);
    before.hang_up();
    after.hang_up();
}

#[test]
fn a_prompt_that_was_replaced_is_heard_by_the_next_caller() {
    let center = Center::start_with_own_prompts(&[]);
    let clip = center.folder.join("prompts/zh-CN/welcome.wav");
    write_tone(&clip, 1_000, 2);
    let (done, said) = center.reload(&[]);
    assert!(done && said.contains("prompts/zh-CN/welcome"), "{said}");
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    center.record_for_seconds(3);
    customer.hang_up();
    center.wait_until_sealed(1);
    assert_eq!(heard(&customer.heard(), 1, 1_000).first(), Some(&Heard::Tone));
}

#[test]
fn codecs_trunks_and_rules_count_for_the_next_call_and_addresses_for_the_next_start() {
    let center = Center::start();
    let first = Caller::call(&center, "8000");
    center.edit("hotline.toml", "max_calls = 2000", "max_calls = 1");
    center.edit("hotline.toml", "listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1:8099\"");
    let (done, said) = center.reload(&[]);
    assert!(done && said.contains("at_restart"), "{said}");
    assert!(said.contains("Some take effect when the center is started again"), "{said}");
    assert!(Caller::answer_to_a_call(&center, "8000").starts_with("SIP/2.0 503"), "the limit is reached");

    center.edit("hotline.toml", "max_calls = 1", "max_calls = 2000");
    center.edit("trunks.toml", "sources = [\"127.0.0.0/8\", \"::1/128\"]", "sources = [\"192.0.2.0/24\"]");
    assert!(center.reload(&[]).0);
    assert!(Caller::answer_to_a_call(&center, "8000").starts_with("SIP/2.0 401"), "nobody's trunk");
    center.edit(
        "trunks.toml",
        "sources = [\"192.0.2.0/24\"]",
        "sources = [\"127.0.0.0/8\"]\ncodecs = [\"PCMA\"]",
    );
    assert!(center.reload(&[]).0);
    let last = Caller::call(&center, "8000");
    assert!(
        last.accepted().contains("m=audio ") && !last.accepted().contains("RTP/AVP 0"),
        "{}",
        last.accepted()
    );
    first.hang_up();
    last.hang_up();
    center.wait_until_sealed(2);
    let (done, said) = center.reload(&[]);
    assert!(done && said.contains("Nothing differs"), "{said}");

    if center.age_recordings() {
        let due = |center: &Center| {
            let listed =
                center.command("retention").args(["--dry-run", "--json"]).output().expect("hotline runs");
            serde_json::from_slice::<Vec<Value>>(&listed.stdout).expect("rows").len()
        };
        assert_eq!(due(&center), 0);
        center.edit("hotline.toml", "[log]", "[[recordings.retention]]\nname = \"short\"\ndays = 1\n[log]");
        let (done, said) = center.reload(&[]);
        assert!(done, "{said}");
        assert_eq!(due(&center), 2);
    }
}
