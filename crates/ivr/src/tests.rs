//! Whole flows, good and bad.

use std::sync::Arc;

use model::{Language, QueueName, Time};
use proptest::prelude::*;
use text::{Problem, Problems};

use crate::{Catalogue, Flow, Input, Output, Session, compile, flow_test};

const MAIN: &str = include_str!("../../../config/flows/main.toml");
const MAIN_TESTS: &str = include_str!("../../../config/flows/main.flowtest");

fn compile_with(source: &str, has_clip: &dyn Fn(&str) -> bool) -> (Option<Flow>, Vec<Problem>) {
    let queues: Vec<QueueName> = ["inquiry", "complaint"].map(|name| name.parse().unwrap()).into();
    let extensions = ["6001".parse().unwrap()];
    let problems = Problems::default();
    let flow = compile(
        "flow.toml",
        source,
        &Catalogue { has_clip, queues: Some(&queues), extensions: Some(&extensions) },
        &problems,
    );
    (flow, problems.into_sorted())
}

fn problems_of(source: &str) -> Vec<(u32, String)> {
    let (flow, problems) = compile_with(source, &|_| true);
    assert!(flow.is_none(), "compiled: {source}");
    problems.into_iter().map(|problem| (problem.line, problem.message.en)).collect()
}

#[test]
fn the_shipped_flow_compiles_and_passes_its_tests() {
    let (flow, problems) = compile_with(MAIN, &|_| true);
    assert_eq!(problems, []);
    let problems = Problems::default();
    let tally = flow_test::run("main.flowtest", MAIN_TESTS, &Arc::new(flow.unwrap()), &problems);
    assert_eq!(problems.into_sorted(), []);
    assert!(tally.passed >= 10 && tally.failed == 0, "{tally:?}");
}

const DIALS: &str = r##"
name = "dials"
version = "1"
start = "ask"
[nodes.ask]
kind = "collect"
prompts = ["menu"]
min_digits = 4
replays = 0
next = "pressed"
otherwise = "sales"
[nodes.pressed]
kind = "dial"
collected = "ask"
queue = "inquiry"
otherwise = "sales"
[nodes.sales]
kind = "dial"
extension = "6001"
prompts = ["to-sales"]
queue = "complaint"
closed = "goodbye"
otherwise = "inquiry"
[nodes.inquiry]
kind = "queue"
queue = "inquiry"
[nodes.goodbye]
kind = "hang_up"
prompts = ["goodbye"]
"##;

#[test]
fn a_flow_dials_named_and_pressed_extensions_and_goes_on_when_nobody_takes_the_call() {
    let (flow, problems) = compile_with(DIALS, &|_| true);
    assert_eq!(problems, []);
    let tests = "
test a pressed extension is dialled at once, a named one after its words
  press 6789
  expect node pressed
  expect dialled 6789
  unanswered
  expect node sales
  expect playing to-sales
  expect dialled none
  listen
  expect dialled 6001
  answered
  expect queue none
test outside of hours it goes where that leads, or where no answer leads
  press 6789
  closed
  expect node sales
  listen
  closed
  expect node goodbye
  listen
  expect ended
test nobody answers
  wait 20
  expect node sales
  listen
  unanswered
  expect queue inquiry
";
    let problems = Problems::default();
    let tally = flow_test::run("dials.flowtest", tests, &Arc::new(flow.unwrap()), &problems);
    assert_eq!((tally.passed, problems.into_sorted()), (3, Vec::new()));
}

#[test]
fn who_took_a_dialled_call_and_is_lost_leaves_the_caller_to_the_nodes_queue() {
    let (flow, _) = compile_with(DIALS, &|_| true);
    let now = Time::from_unix_ms(0);
    let mut session = Session::new(Arc::new(flow.unwrap()), Language::EnUs);
    let keys = "6789".chars().map(|key| Input::Digit(model::Digit::from_char(key).unwrap()));
    [Input::Start].into_iter().chain(keys).for_each(|input| session.handle(now, input));
    let dial = |output| matches!(output, Output::Dial { by_keys: true, .. });
    assert!(std::iter::from_fn(|| session.poll_output()).any(dial));
    for input in [Input::AgentJoined, Input::AgentLost] {
        session.handle(now, input);
    }
    let music = "music/default".into();
    let loop_of = crate::Sound { clips: vec![music], mode: model::PlayMode::Loop };
    assert_eq!(session.poll_output(), Some(Output::Play(loop_of)));
    // What comes late of the call that was dialled means nothing.
    session.handle(now, Input::NotDialled { closed: true });
    assert_eq!(session.poll_output(), None);
}

#[test]
fn dialling_nodes_that_lead_nowhere_are_refused() {
    for (from, to, expected) in [
        ("extension = \"6001\"", "extension = \"6002\"", "the directory has no extension 6002"),
        ("extension = \"6001\"", "", "name extension or collected, not both"),
        ("extension = \"6001\"", "extension = \"6001\"\ncollected = \"ask\"", "name extension or collected"),
        ("collected = \"ask\"", "collected = \"goodbye\"", "node \"goodbye\" collects no number"),
        ("collected = \"ask\"", "collected = \"nobody\"", "there is no node \"nobody\""),
        ("min_digits = 4", "min_digits = 4\nsecret = true", "node \"ask\" collects no number"),
        ("queue = \"complaint\"", "queue = \"sales\"", "there is no queue sales"),
        ("queue = \"complaint\"\n", "", "queue is missing"),
        ("otherwise = \"inquiry\"", "", "dead end: otherwise is missing"),
        ("otherwise = \"inquiry\"", "otherwise = \"pressed\"", "goes round without listening"),
        ("otherwise = \"inquiry\"", "otherwise = \"goodbye\"", "no person can be reached"),
    ] {
        let problems = problems_of(&DIALS.replacen(from, to, 1));
        assert!(problems.iter().any(|(_, said)| said.contains(expected)), "{expected}: {problems:?}");
    }
}

/// `then` is the queue node's own line; what a caller hears and where the call stands after the longest wait.
fn after_the_longest_wait(then: &str, last: bool) -> (Vec<String>, bool) {
    let source = format!(
        "name = \"w\"\nversion = \"1\"\nstart = \"wait\"\n[nodes.wait]\nkind = \"queue\"\nqueue = \"inquiry\"\n{then}\n\
         [nodes.regret]\nkind = \"hang_up\"\nprompts = [\"goodbye\"]\n"
    );
    let source =
        if then.is_empty() { source.split("[nodes.regret]").next().unwrap().to_owned() } else { source };
    let (flow, problems) = compile_with(&source, &|_| true);
    assert_eq!(problems, []);
    let now = Time::from_unix_ms(0);
    let mut session = Session::new(Arc::new(flow.unwrap()), Language::EnUs);
    for input in [Input::Start, Input::Position(1), Input::WaitedOut { last }, Input::PlayEnded] {
        session.handle(now, input);
    }
    let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
    let clips = |output: &Output| match output {
        Output::Play(sound) => sound.clips.iter().map(|clip| clip.to_string()).collect(),
        _ => Vec::new(),
    };
    (
        outputs.iter().rev().find_map(|output| clips(output).pop()).into_iter().collect(),
        outputs.last() == Some(&Output::HangUp),
    )
}

#[test]
fn a_caller_hears_that_the_center_closes_wherever_the_flow_is() {
    let source = "name = \"w\"\nversion = \"1\"\nstart = \"wait\"\n[nodes.wait]\nkind = \"queue\"\nqueue = \"inquiry\"\n";
    let (flow, problems) = compile_with(source, &|_| true);
    assert_eq!(problems, []);
    let (flow, now) = (Arc::new(flow.unwrap()), Time::from_unix_ms(0));
    for before in [&[Input::Start][..], &[Input::Start, Input::AgentJoined]] {
        let mut session = Session::new(Arc::clone(&flow), Language::EnUs);
        before.iter().for_each(|input| session.handle(now, input.clone()));
        while session.poll_output().is_some() {}
        session.handle(now, Input::Closing);
        session.handle(now, Input::Closing);
        session.handle(now, Input::PlayEnded);
        let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
        let clips = vec!["en-US/closing".into()];
        let play = Output::Play(crate::Sound { clips, mode: model::PlayMode::Once });
        assert_eq!(outputs, [Output::StopPlay, play, Output::HangUp], "{before:?}");
    }
}

#[test]
fn the_longest_wait_leads_where_the_flow_says_and_else_to_a_word_of_regret() {
    let next = "waited_out = \"regret\"";
    for (then, last, clip) in
        [(next, false, "en-US/goodbye"), ("", false, "en-US/sorry-error"), (next, true, "en-US/sorry-error")]
    {
        assert_eq!(after_the_longest_wait(then, last), (vec![clip.to_owned()], true), "{then} {last}");
    }
}

#[test]
fn an_agent_sends_a_caller_to_a_queue_or_a_node() {
    let source = "name = \"w\"\nversion = \"1\"\nstart = \"wait\"\n[nodes.wait]\nkind = \"queue\"\nqueue = \"inquiry\"\n\
         prompts = [\"welcome\"]\nwaited_out = \"bye\"\n[nodes.bye]\nkind = \"hang_up\"\nprompts = [\"goodbye\"]\n";
    let flow = Arc::new(compile_with(source, &|_| true).0.unwrap());
    let bye = flow.find("bye").unwrap();
    assert_eq!(flow.find("nowhere"), None);
    for (input, first_clip) in [
        (Input::SentToQueue("inquiry".parse().unwrap()), "en-US/welcome"),
        (Input::SentToQueue("complaint".parse().unwrap()), "en-US/next-in-line"),
        (Input::SentTo(bye), "en-US/goodbye"),
    ] {
        let now = Time::from_unix_ms(0);
        let mut session = Session::new(Arc::clone(&flow), Language::EnUs);
        [Input::Start, input.clone()].into_iter().for_each(|input| session.handle(now, input));
        while let Some(output) = session.poll_output() {
            assert_ne!(output, Output::NodeEntered("bye".to_owned()), "nobody has the caller yet");
        }
        [Input::AgentJoined, input.clone(), Input::Position(1)]
            .into_iter()
            .for_each(|input| session.handle(now, input));
        let heard = std::iter::from_fn(|| session.poll_output()).find_map(|output| match output {
            Output::Play(sound) => sound.clips.first().map(ToString::to_string),
            Output::Enqueue(queue, _) => panic!("the caller is in {queue} already"),
            _ => None,
        });
        assert_eq!(heard.as_deref(), Some(first_clip), "{input:?}");
    }
}

#[test]
fn a_way_out_of_a_queue_that_leads_nowhere_is_reported() {
    let source = "name = \"w\"\nversion = \"1\"\nstart = \"wait\"\n[nodes.wait]\nkind = \"queue\"\nqueue = \"inquiry\"\nwaited_out = \"no\"\n";
    assert_eq!(problems_of(source).first().map(|problem| problem.0), Some(7));
}

#[test]
fn a_failing_flow_test_is_reported_with_its_line() {
    let flow = Arc::new(compile_with(MAIN, &|_| true).0.unwrap());
    let problems = Problems::default();
    let tests = "test one\n  press 1\n  expect queue complaint\ntest two\n  dance\n";
    let tally = flow_test::run("x.flowtest", tests, &flow, &problems);
    assert_eq!((tally.passed, tally.failed), (0, 2));
    let lines: Vec<u32> = problems.into_sorted().iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 5]);
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let source = r#"name = "bad"
version = "1"
start = "menu"
colour = "red"

[nodes.menu]
kind = "menu"
prompts = ["menu"]
keys = { "1" = "nowhere", "12" = "loop", "x" = "@repeat" }
otherwise = "loop"

[nodes.loop]
kind = "say"
next = "loop"

[nodes.orphan]
kind = "queue"
queue = "sales"

[nodes.end]
kind = "say"
prompts = ["goodbye"]

[nodes.odd]
kind = "dance"
"#;
    let problems = problems_of(source);
    for expected in [
        (4, "unknown key colour"),
        (9, "there is no node \"nowhere\""),
        (9, "\"x\" cannot be pressed"),
        (18, "there is no queue sales"),
        (20, "dead end: next is missing"),
        (25, "there is no kind \"dance\" of node"),
    ] {
        assert!(problems.contains(&(expected.0, expected.1.to_owned())), "{expected:?} in {problems:#?}");
    }
}

#[test]
fn ambiguous_keys() {
    let source = MAIN.replace("\"2\" =", "\"12\" =");
    assert!(problems_of(&source).iter().any(|(_, message)| message.contains("ambiguous")));
}

#[test]
fn the_graph_is_checked_as_a_whole() {
    let source = r#"name = "bad"
version = "1"
start = "a"
[nodes.a]
kind = "say"
next = "b"
[nodes.b]
kind = "say"
next = "a"
[nodes.c]
kind = "hang_up"
"#;
    let problems = problems_of(source);
    for (line, message) in [
        (4, "node \"a\" goes round without listening"),
        (4, "from node \"a\" no person can be reached"),
        (10, "node \"c\" cannot be reached"),
    ] {
        assert!(problems.contains(&(line, message.to_owned())), "{message} in {problems:#?}");
    }
}

#[test]
fn a_prompt_missing_in_one_language_is_named() {
    let (flow, problems) = compile_with(MAIN, &|clip| clip != "en-US/menu");
    assert!(flow.is_none());
    let messages: Vec<_> = problems.iter().map(|problem| problem.message.en.as_str()).collect();
    assert_eq!(messages, ["there is no prompt en-US/menu"]);
    assert!(problems[0].to_string().contains("缺少语音"));
}

#[test]
fn broken_toml_is_one_problem_with_a_line() {
    let problems = problems_of("name = \"x\"\nversion = [\n");
    assert!(problems.iter().any(|(line, message)| *line >= 2 && message.contains("TOML")), "{problems:?}");
}

proptest! {
    #[test]
    fn no_text_makes_the_compiler_panic(source in "\\PC{0,200}") {
        compile_with(&source, &|_| true);
    }

    #[test]
    fn no_mutation_of_a_good_flow_makes_it_panic(at in 0..MAIN.len(), with in "\\PC{0,3}", cut in 0_usize..20) {
        let mut at = at;
        while !MAIN.is_char_boundary(at) { at -= 1; }
        let mut end = (at + cut).min(MAIN.len());
        while !MAIN.is_char_boundary(end) { end += 1; }
        compile_with(&format!("{}{with}{}", &MAIN[..at], &MAIN[end..]), &|_| true);
    }

    #[test]
    fn no_flow_test_text_makes_it_panic(source in "(test|press|wait|expect|given|listen|[ #0-9a-z\\n]){0,60}") {
        let flow = Arc::new(compile_with(MAIN, &|_| true).0.unwrap());
        flow_test::run("x", &source, &flow, &Problems::default());
    }
}

const CARD: &str = r##"
name = "card"
version = "1"
start = "card"
[nodes.card]
kind = "collect"
prompts = ["menu"]
min_digits = 13
max_digits = 19
replays = 1
secret = true
next = "code"
otherwise = "person"
[nodes.code]
kind = "collect"
prompts = ["menu"]
min_digits = 3
end_key = "none"
next = "person"
otherwise = "person"
[nodes.person]
kind = "queue"
queue = "inquiry"
"##;

#[test]
fn a_collecting_node_takes_keys_to_its_end_key_its_length_or_a_silence() {
    let flow = Arc::new(compile_with(CARD, &|_| true).0.unwrap());
    let tests = "test with the end key\n  press 4111111111111111#\n  expect node code\n\
                 test the length is fixed\n  press 4111111111111111#123\n  expect queue inquiry\n\
                 test silence ends it too\n  press 4111111111111111\n  expect node card\n  wait 6\n  expect node code\n\
                 test too few are asked for again\n  press 4111#\n  expect playing menu\n  expect node card\n\
                 test twice too many\n  press 41111111111111111111#\n  press 41111111111111111111#\n  expect queue inquiry\n\
                 test nothing at all\n  wait 30\n  expect queue inquiry\n";
    let problems = Problems::default();
    let tally = flow_test::run("card.flowtest", tests, &flow, &problems);
    assert_eq!((problems.into_sorted(), tally.passed), (Vec::new(), 6));
}

#[test]
fn what_is_collected_in_secret_is_neither_told_nor_printed() {
    use crate::{Input, Output, Session};
    use model::{Digit, Language, Time};
    let flow = Arc::new(compile_with(CARD, &|_| true).0.unwrap());
    let mut session = Session::new(flow, Language::ZhCn);
    let now = Time::from_unix_ms(0);
    session.handle(now, Input::Start);
    for key in "4111111111111111#12".chars() {
        session.handle(now, Input::Digit(Digit::from_char(key).unwrap()));
    }
    let told: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
    let node = "card".to_owned();
    assert!(told.contains(&Output::SecretBegan(node.clone())));
    assert!(told.contains(&Output::SecretEnded { node, digits: 16, complete: true, by_end_key: true }));
    let pressed = told.iter().filter(|output| matches!(output, Output::Pressed(..))).count();
    assert_eq!(pressed, 2, "those of the other node");
    let kept = session.collected("card").unwrap();
    assert_eq!(kept.reveal().as_str(), "4111111111111111");
    let shown = format!("{session:?}{told:?}");
    assert!(!shown.contains("4111") && shown.contains("••••"), "{shown}");
}

#[test]
fn a_collecting_nodes_mistakes_are_named() {
    let source = CARD.replace("max_digits = 19", "max_digits = 9").replace("\"none\"", "\"5\"");
    let messages: Vec<String> = problems_of(&source).into_iter().map(|(_, message)| message).collect();
    assert_eq!(messages, ["max_digits is less than min_digits", "end_key = \"5\" cannot be used"]);
}
