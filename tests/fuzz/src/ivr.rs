//! Call flows and their tests: texts that people write.

use std::sync::{Arc, OnceLock};

use ::ivr::{Catalogue, Flow, Input, Output, Session, compile, flow_test};
use ::text::{Problem, Problems};
use model::{Digit, Language, PlayMode, QueueName, Time};

use crate::bytes::Bytes;

const MAIN: &str = include_str!("../../../config/flows/main.toml");
/// Orders that one input may bring: a node more or less, and what is played there.
const MOST_ORDERS: usize = 1_000;

/// A flow's text, and behind the first zero byte what a caller does in it. It compiles or says why with
/// lines that exist; a caller comes to an end in it, whatever is pressed.
pub fn flow(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, caller) = bytes.split_at(end);
    let text = String::from_utf8_lossy(text);
    let (flow, problems) = compiled(&text);
    assert_eq!(flow.is_none(), !problems.is_empty(), "a flow, or problems");
    lines_exist(&text, &problems);
    if let Some(flow) = flow {
        Caller::new(Arc::new(flow)).goes(caller.get(1..).unwrap_or_default());
    }
}

fn compiled(text: &str) -> (Option<Flow>, Vec<Problem>) {
    let queues: Vec<QueueName> =
        ["inquiry", "complaint"].iter().filter_map(|name| name.parse().ok()).collect();
    let has_clip = |clip: &str| !clip.contains("missing");
    let problems = Problems::default();
    let flow = compile(
        "flow.toml",
        text,
        &Catalogue { has_clip: &has_clip, queues: Some(&queues), extensions: None },
        &problems,
    );
    (flow, problems.into_sorted())
}

/// Line 0 is the file as a whole; a problem at the very end is on the line after the last.
pub(crate) fn lines_exist(text: &str, problems: &[Problem]) {
    let last = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    for problem in problems {
        assert!(problem.line as usize <= last, "line {} of {last}", problem.line);
        let _ = problem.to_string();
    }
}

/// One caller, the clips that end, and the clock.
struct Caller {
    session: Session,
    now: Time,
    plays: bool,
    has_ended: bool,
    /// At a node whose keys nobody may see.
    is_secret: bool,
}

impl Caller {
    fn new(flow: Arc<Flow>) -> Caller {
        let session = Session::new(flow, Language::EnUs);
        Caller { session, now: Time::from_unix_ms(0), plays: false, has_ended: false, is_secret: false }
    }

    fn goes(mut self, bytes: &[u8]) {
        let mut bytes = Bytes::new(bytes);
        self.input(Input::Start);
        while let Some(byte) = bytes.byte() {
            match byte {
                b'p' => self.input(Input::Position(u32::from(bytes.byte().unwrap_or(0)))),
                b'j' => self.input(Input::AgentJoined),
                b'l' => self.input(Input::AgentLost),
                b'm' => self.input(Input::NotDialled { closed: false }),
                b'n' => self.input(Input::NotDialled { closed: true }),
                _ => match Digit::from_char(char::from(byte)) {
                    Some(digit) => self.input(Input::Digit(digit)),
                    None => self.wait(),
                },
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.session.handle(self.now, input);
        self.drain();
    }

    /// What plays ends; else the next time-out comes.
    fn wait(&mut self) {
        if self.plays {
            self.plays = false;
            return self.input(Input::PlayEnded);
        }
        if let Some(due) = self.session.poll_timeout() {
            assert!(due >= self.now, "time-outs lie ahead");
            self.now = due;
            self.session.handle_timeout(due);
            assert!(self.session.poll_timeout().is_none_or(|next| next > due), "a time-out moves on");
            self.drain();
        }
    }

    fn drain(&mut self) {
        let mut orders = 0;
        while let Some(order) = self.session.poll_output() {
            orders += 1;
            assert!(orders < MOST_ORDERS, "orders without end");
            assert!(!self.has_ended, "{order:?} after the end");
            match order {
                Output::Play(sound) => self.plays = sound.mode == PlayMode::Once,
                Output::StopPlay => self.plays = false,
                Output::HangUp => self.has_ended = true,
                Output::SecretBegan(_) => {
                    assert!(!self.is_secret, "a secret node within another");
                    self.is_secret = true;
                }
                Output::SecretEnded { .. } => {
                    assert!(self.is_secret, "the end of no secret node");
                    self.is_secret = false;
                }
                Output::Pressed(..) => assert!(!self.is_secret, "a secret key is told"),
                Output::NodeEntered(_)
                | Output::LanguageChosen(_)
                | Output::Enqueue(..)
                | Output::Dial { .. }
                | Output::AskPosition => {}
            }
        }
    }
}

/// Tests of the sample flow: each fails or passes, and what fails says where.
pub fn flow_test(bytes: &[u8]) {
    static FLOW: OnceLock<Arc<Flow>> = OnceLock::new();
    let flow = FLOW.get_or_init(|| Arc::new(compiled(MAIN).0.expect("the sample flow compiles")));
    let text = String::from_utf8_lossy(bytes);
    let problems = Problems::default();
    let tally = flow_test::run("main.flowtest", &text, flow, &problems);
    let problems = problems.into_sorted();
    assert_eq!(tally.failed == 0, problems.is_empty(), "{tally:?}");
    lines_exist(&text, &problems);
    let tests = text.lines().filter(|line| line.trim_start().starts_with("test")).count();
    assert!(usize::try_from(tally.passed).is_ok_and(|passed| passed <= tests), "{tally:?} of {tests}");
}
