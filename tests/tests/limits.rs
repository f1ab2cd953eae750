//! Limits that a call meets: the caller is told when to try again, the operator which limit it was.

use hotline_tests::{Caller, Center, wait_for};

/// The answer to a call that a limit turns away, and the line about it.
fn turned_away(center: &Center, reason: &str) -> (String, String) {
    let answer = Caller::answer_to_a_call(center, "8000");
    let field = format!("reason=\"{reason}\"");
    let line = wait_for("the line of the refusal", || {
        center.log().lines().find(|line| line.contains(&field)).map(str::to_owned)
    });
    (answer, line)
}

fn is_busy(answer: &str) -> bool {
    answer.starts_with("SIP/2.0 503 ") && answer.lines().any(|line| line.starts_with("Retry-After: "))
}

#[test]
fn calls_take_the_ports_of_all_media_threads_and_the_next_is_told_that_there_are_none() {
    // One pair for each of two threads, which calls without a seat use up.
    let threads = ("hotline.toml", "# threads = 2 ", "threads = 2 ");
    let center = Center::start_with_legs(&[threads], 2);
    let calls = [Caller::call(&center, "8000"), Caller::call(&center, "8000")];
    let (answer, line) = turned_away(&center, "rtp_ports_full");
    assert!(is_busy(&answer), "{answer}");
    assert!(line.contains(" limit=2 ") && line.contains("ports in [rtp] of hotline.toml"), "{line}");
    assert!(line.contains("source=127.0.0.1:"), "{line}");
    wait_for("the figure", || {
        center.metrics().contains("hotline_refusals_total{reason=\"rtp_ports_full\"} 1\n").then_some(())
    });

    calls[0].hang_up();
    // Its pair rests first.
    let next = wait_for("a call to get its pair", || Caller::try_to_call(&center, "8000"));
    next.hang_up();
    calls[1].hang_up();
}

#[test]
fn a_center_with_all_its_calls_names_the_setting_that_allows_more() {
    let center = Center::start_with(&[("hotline.toml", "max_calls = 2000", "max_calls = 1")]);
    let call = Caller::call(&center, "8000");
    let (answer, line) = turned_away(&center, "calls_full");
    assert!(is_busy(&answer), "{answer}");
    assert!(line.contains(" limit=1 ") && line.contains("max_calls in [center] of hotline.toml"), "{line}");
    call.hang_up();
}
