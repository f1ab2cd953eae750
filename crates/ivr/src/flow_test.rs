//! Tests of flows, written in text, run on a virtual clock without audio.
//!
//! ```text
//! test two reaches the complaint queue
//!   given language en-US
//!   listen                      # let the prompt come to its end
//!   press 2
//!   wait 5                      # seconds
//!   expect queue complaint      # also: node NAME, language TAG, bonus SECONDS, playing CLIP, dialled EXTENSION, ended
//!   unanswered                  # nobody takes the call that the flow dialled; also: closed, answered
//! ```

use std::sync::Arc;
use std::time::Duration;

use model::{Digit, Language, Number, PlayMode, QueueName, Time};
use text::{Problems, text};

use crate::flow::Flow;
use crate::session::{Input, Output, Session, Sound};

/// The result of a file of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Tests whose every expectation was met.
    pub passed: u32,
    /// Tests that failed; `problems` has the reasons.
    pub failed: u32,
}

/// How long each clip is taken to last.
const CLIP: Duration = Duration::from_secs(3);

/// Runs every test of a file; what fails is added to `problems` with its line.
pub fn run(file: &str, source: &str, flow: &Arc<Flow>, problems: &Problems) -> Tally {
    let mut tally = Tally::default();
    let mut test: Option<Test> = None;
    for (number, line) in (1..).zip(source.lines()) {
        let line = line.split('#').next().unwrap_or("").trim_end_matches(char::is_whitespace).trim_start();
        // A key may be '#': what follows `press` is taken whole.
        let whole = source.lines().nth(number as usize - 1).unwrap_or("").trim();
        let line = if whole.starts_with("press") { whole } else { line };
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "test" {
            tally.add(test.take());
            test = Some(Test::new(flow));
        } else if !word.is_empty() {
            let outcome = match &mut test {
                Some(test) => test.step(word, rest.trim()),
                None => Err("a step before the first test".to_owned()),
            };
            if let Err(why) = outcome {
                if let Some(test) = &mut test {
                    test.failed = true;
                } else {
                    tally.failed += 1;
                }
                let file = std::rc::Rc::from(file);
                problems.add(
                    &file,
                    number,
                    text!("flow test failed: {why}", "流程测试失败：{why}"),
                    text!("mend the flow or the test", "请修改流程或测试"),
                );
            }
        }
    }
    tally.add(test);
    tally
}

impl Tally {
    fn add(&mut self, test: Option<Test>) {
        match test {
            Some(test) if test.failed => self.failed += 1,
            Some(_) => self.passed += 1,
            None => {}
        }
    }
}

/// One caller of one test.
struct Test {
    flow: Arc<Flow>,
    language: Language,
    session: Option<Session>,
    now: Time,
    playing: Option<(Sound, Time)>,
    node: String,
    queue: Option<(QueueName, u32)>,
    dialled: Option<Number>,
    ended: bool,
    failed: bool,
}

impl Test {
    fn new(flow: &Arc<Flow>) -> Test {
        Test {
            flow: Arc::clone(flow),
            language: Language::ZhCn,
            session: None,
            now: Time::from_unix_ms(0),
            playing: None,
            node: String::new(),
            queue: None,
            dialled: None,
            ended: false,
            failed: false,
        }
    }

    fn step(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "given" => match rest.split_once(' ') {
                Some(("language", tag)) => {
                    self.language = tag.trim().parse().map_err(|error| format!("{error}"))?;
                    Ok(())
                }
                _ => Err(format!("given {rest:?} is not known; use: given language zh-CN")),
            },
            "press" => rest.chars().filter(|c| !c.is_whitespace()).try_for_each(|key| {
                let digit = Digit::from_char(key).ok_or_else(|| format!("{key:?} is not a key"))?;
                self.input(Input::Digit(digit));
                Ok(())
            }),
            "listen" => {
                while let Some((Sound { mode: PlayMode::Once, .. }, end)) = &self.playing {
                    let end = *end;
                    self.pass_until(end);
                }
                Ok(())
            }
            "wait" => {
                let seconds: u64 =
                    rest.parse().map_err(|_| format!("{rest:?} is not a number of seconds"))?;
                self.start();
                self.pass_until(self.now + Duration::from_secs(seconds.min(86_400)));
                Ok(())
            }
            "expect" => self.expect(rest),
            "answered" => self.dialled_comes_to(Input::AgentJoined),
            "unanswered" => self.dialled_comes_to(Input::NotDialled { closed: false }),
            "closed" => self.dialled_comes_to(Input::NotDialled { closed: true }),
            other => Err(format!(
                "{other:?} is not a step; the steps are: given, listen, press, wait, expect, answered, unanswered, closed"
            )),
        }
    }

    /// What comes of the call to an extension.
    fn dialled_comes_to(&mut self, input: Input) -> Result<(), String> {
        self.start();
        self.dialled.take().ok_or("no extension is dialled now")?;
        self.input(input);
        Ok(())
    }

    fn expect(&mut self, what: &str) -> Result<(), String> {
        self.start();
        let (what, wanted) = what.split_once(' ').unwrap_or((what, ""));
        let wanted = wanted.trim();
        let found = match what {
            "queue" => self.queue.as_ref().map_or("none".to_owned(), |(queue, _)| queue.to_string()),
            "bonus" => self.queue.as_ref().map_or("none".to_owned(), |(_, bonus)| bonus.to_string()),
            "dialled" => self.dialled.as_ref().map_or("none".to_owned(), Number::to_string),
            "node" => self.node.clone(),
            "language" => self.session.as_ref().map_or(self.language, Session::language).to_string(),
            "ended" => return if self.ended { Ok(()) } else { Err("the call goes on".to_owned()) },
            "playing" => {
                let clips = self.playing.as_ref().map_or(&[][..], |(sound, _)| &sound.clips);
                let played =
                    clips.iter().any(|clip| &**clip == wanted || clip.ends_with(&format!("/{wanted}")));
                return if played { Ok(()) } else { Err(format!("expected {wanted:?}, plays {clips:?}")) };
            }
            other => return Err(format!("cannot expect {other:?}")),
        };
        if found == wanted { Ok(()) } else { Err(format!("expected {what} {wanted:?}, found {found:?}")) }
    }

    fn start(&mut self) {
        if self.session.is_none() {
            self.session = Some(Session::new(Arc::clone(&self.flow), self.language));
            self.input(Input::Start);
        }
    }

    fn input(&mut self, input: Input) {
        if input != Input::Start {
            self.start();
        }
        if let Some(session) = &mut self.session {
            session.handle(self.now, input);
        }
        self.drain();
    }

    /// Lets time pass, each ended clip and each timeout at its own instant.
    fn pass_until(&mut self, end: Time) {
        loop {
            let play_end = match &self.playing {
                Some((Sound { mode: PlayMode::Once, .. }, at)) => Some(*at),
                Some((Sound { mode: PlayMode::Loop, .. }, _)) | None => None,
            };
            let timeout = self.session.as_ref().and_then(Session::poll_timeout);
            let Some(next) = play_end.into_iter().chain(timeout).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            if play_end == Some(next) {
                self.playing = None;
                self.input(Input::PlayEnded);
            } else if let Some(session) = &mut self.session {
                session.handle_timeout(self.now);
                self.drain();
            }
        }
        self.now = self.now.max(end);
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.as_mut().and_then(Session::poll_output) {
            match output {
                Output::Play(sound) => {
                    let length = CLIP * u32::try_from(sound.clips.len()).unwrap_or(1);
                    self.playing = Some((sound, self.now + length));
                }
                Output::StopPlay => self.playing = None,
                Output::NodeEntered(name) => self.node = name,
                Output::Dial { extension, .. } => self.dialled = Some(extension),
                Output::Enqueue(queue, bonus) => self.queue = Some((queue, bonus)),
                Output::AskPosition => {
                    if let Some(session) = &mut self.session {
                        session.handle(self.now, Input::Position(2));
                    }
                }
                Output::HangUp => self.ended = true,
                Output::Pressed(..)
                | Output::SecretBegan(_)
                | Output::SecretEnded { .. }
                | Output::LanguageChosen(_) => {}
            }
        }
    }
}
