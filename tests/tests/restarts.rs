//! What people rely on over a restart, by `kill -9` and by SIGTERM: agents are as they were.

use hotline_tests::{Center, Phone, wait_for};
use serde_json::json;

/// How a run of the center ends.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// `kill -9`.
    Killed,
    /// SIGTERM, and another, which ends calls at once.
    Asked,
}

const WAYS: [Way; 2] = [Way::Killed, Way::Asked];
/// Long enough that no machine is so slow that it is over before the restart.
const LONG_WRAP_UP: [(&str, &str, &str); 1] = [("queues.toml", "wrap_up_s = 10", "wrap_up_s = 600")];

fn restart(center: &mut Center, way: Way) {
    match way {
        Way::Killed => center.kill(),
        Way::Asked => {
            center.ask_to_end();
            // Without calls it ends at once.
            wait_for("no new calls", || (center.is_draining() || center.has_ended()).then_some(()));
            // A process that was waited for takes no signal.
            if !center.has_ended() {
                center.ask_to_end();
            }
            assert!(center.wait_for_end().success(), "{}", center.log());
        }
    }
    center.restart();
}

fn wait_for_state(center: &Center, agent: &str, shift: &serde_json::Value, activity: &str) {
    wait_for(&format!("{agent} to be {shift} and {activity}"), || {
        let row = center.agent(agent);
        (row["shift"] == *shift && row["activity"] == activity).then_some(())
    });
}

#[test]
fn a_break_by_feature_code_goes_on_after_restarts() {
    for way in WAYS {
        let mut center = Center::start();
        let mut agent = Phone::agent(&center, "1001", 880);
        let _ready = Phone::agent(&center, "1002", 660);
        agent.dial("*71");
        center.wait_for_shift("1001", &json!({"not_ready": "break"}));
        agent.wait_for_log("session closed", 1);
        // Twice: the second finds what the first restored, not what the first was given.
        restart(&mut center, way);
        restart(&mut center, way);
        wait_for_state(&center, "1001", &json!({"not_ready": "break"}), "idle");
        wait_for_state(&center, "1002", &json!("ready"), "idle");
        agent.dial("*70");
        center.wait_for_shift("1001", &json!("ready"));
    }
}

#[test]
fn a_wrap_up_goes_on_after_a_restart() {
    for way in WAYS {
        let mut center = Center::start_with(&LONG_WRAP_UP);
        let mut agent = Phone::agent(&center, "1001", 880);
        let mut customer = Phone::customer(&center, "alice", 440);
        customer.dial("8000");
        customer.press('1');
        center.talk_for_seconds(1);
        agent.hang_up();
        wait_for_state(&center, "1001", &json!("ready"), "wrap_up");
        center.wait_until_sealed(1);
        restart(&mut center, way);
        wait_for_state(&center, "1001", &json!("ready"), "wrap_up");
        center.order("ready", "1001");
        wait_for_state(&center, "1001", &json!("ready"), "idle");
    }
}

#[test]
fn an_agent_who_talked_writes_up_and_keeps_the_break_that_was_asked_for() {
    for way in WAYS {
        let mut center = Center::start_with(&LONG_WRAP_UP);
        let _agent = Phone::agent(&center, "1001", 880);
        let mut customer = Phone::customer(&center, "alice", 440);
        customer.dial("8000");
        customer.press('1');
        center.talk_for_seconds(1);
        center.order("break", "1001");
        wait_for_state(&center, "1001", &json!({"not_ready": "break"}), "talking");
        restart(&mut center, way);
        wait_for_state(&center, "1001", &json!({"not_ready": "break"}), "wrap_up");
    }
}

#[test]
fn an_agent_who_declined_is_left_alone_after_a_restart_too() {
    for way in WAYS {
        let mut center = Center::start_with(&[("agents.toml", "rest_s = 5 ", "rest_s = 600 ")]);
        let mut resting = Phone::ringing_agent(&center, "1001", 880);
        center.wait_for_seat("1001");
        let mut customer = Phone::customer(&center, "alice", 440);
        customer.dial("8000");
        customer.press('1');
        center.wait_for_events("offer_made", 1);
        resting.hang_up();
        center.wait_for_events("offer_ended", 1);
        customer.hang_up();
        center.wait_until_sealed(1);
        restart(&mut center, way);
        wait_for_state(&center, "1001", &json!("ready"), "idle");
        customer.dial("8000");
        customer.press('1');
        center.wait_for_events("queue_entered", 2);
        let _other = Phone::agent(&center, "1002", 660);
        center.talk_for_seconds(1);
        let offers = center.wait_for_events("offer_made", 2);
        assert_eq!(offers[1]["agent"], "1002", "{way:?}: {offers:?}");
    }
}
