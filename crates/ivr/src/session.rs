//! One caller in a flow.
//!
//! ```text
//!          say ended, barge-in          key chosen            HangUp
//! Saying ────────────────────► Asking ─────────────► Ending ────────► Over
//!    │                          │  ▲ silence, wrong key
//!    │                          │  └──── replay (at most `replays` times)
//!    └──────────┬───────────────┘
//!               │     (a Collecting node asks like a menu, for several keys)
//!               ▼     position due: announcement, then music again
//!            Waiting ◄──────────────┐      (a Dialling node waits for who takes the call, and goes on when nobody does)
//!               │ agent answered    │ agent fell away, or gave the caller to a queue
//!               └────► WithAgent ───┘
//! ```

mod asking;
mod collecting;
mod dialling;
mod inout;
mod waiting;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{ClipId, Digit, Language, PlayMode, QueueName, Secret, Time};

use crate::flow::{Flow, Node, NodeIndex, NodeName, QueueNode};
use asking::{Asking, Why};
use collecting::Collecting;
use dialling::Dialling;
use waiting::Waiting;

pub use inout::{Input, Output, Sound};

/// The prompt for a caller whose call is ended because the center closes.
const CLOSING: &str = "closing";

/// A caller's way through a flow. The version it began in is the one it ends in.
#[derive(Debug, Clone)]
pub struct Session {
    flow: Arc<Flow>,
    language: Language,
    state: State,
    /// Input of collecting nodes.
    collected: BTreeMap<NodeName, Secret>,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone)]
enum State {
    NotStarted,
    Saying(NodeIndex),
    Asking(Asking),
    Collecting(Collecting),
    Waiting(Waiting),
    Dialling(Dialling),
    WithAgent(Waiting),
    Ending,
    Over,
}

/// Where a menu is between question and answer.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Prompting,
    Listening { until: Time },
}

impl Session {
    /// A caller at the beginning of a flow.
    pub fn new(flow: Arc<Flow>, language: Language) -> Session {
        let (state, collected) = (State::NotStarted, BTreeMap::new());
        Session { flow, language, state, collected, outputs: VecDeque::new() }
    }

    /// A customer whom an agent called, for this queue: with the agent.
    pub fn with_agent(language: Language, queue: QueueName) -> Session {
        let waiting = Waiting { queue: Arc::new(QueueNode::plain(queue)), tell_at: None, greeted: true };
        let state = State::WithAgent(waiting);
        Session { state, ..Session::new(Arc::new(Flow::none()), language) }
    }

    /// The flow that the caller is in.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The language that the caller is spoken to in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Takes an input; what follows is drained by [`Session::poll_output`].
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Start => {
                if matches!(self.state, State::NotStarted) {
                    self.go_to(now, self.flow.start, None);
                }
            }
            Input::PlayEnded => self.play_ended(now),
            Input::Digit(digit) => self.digit(now, digit),
            Input::Position(position) => self.tell_position(position),
            Input::AgentJoined => {
                if let State::Waiting(waiting) = &self.state {
                    self.state = State::WithAgent(waiting.clone());
                }
                self.dialled_talks();
            }
            Input::NotDialled { closed } => self.dialled_in_vain(now, closed),
            Input::WaitedOut { last } => self.waited_out(now, last),
            Input::Closing => self.close(now),
            Input::AgentLost => {
                if let State::WithAgent(waiting) = &self.state {
                    self.state = State::Waiting(waiting.clone());
                    self.music();
                }
            }
            Input::SentToQueue(queue) => self.sent_to_queue(now, queue),
            Input::SentTo(index) => {
                if matches!(self.state, State::WithAgent(_)) {
                    self.go_to(now, index, None);
                }
            }
            Input::SentToMessage(prompt) => {
                if matches!(self.state, State::WithAgent(_) | State::Dialling(_)) {
                    self.state = State::Ending;
                    self.play(now, &[prompt]);
                }
            }
        }
    }

    /// Handles the timers that are due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        match &mut self.state {
            State::Asking(asking) => {
                let silent = asking.pressed.is_empty();
                self.ask_again(now, if silent { Why::Silence } else { Why::WrongKey });
            }
            State::Collecting(_) => self.collected_in_time(now),
            State::Waiting(waiting) => {
                waiting.tell_at = waiting.queue.position_every.map(|every| now + every);
                self.outputs.push_back(Output::AskPosition);
            }
            State::NotStarted
            | State::Saying(_)
            | State::Dialling(_)
            | State::WithAgent(_)
            | State::Ending
            | State::Over => {}
        }
    }

    /// When [`Session::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        match &self.state {
            State::Asking(Asking { phase: Phase::Listening { until }, .. })
            | State::Collecting(Collecting { phase: Phase::Listening { until }, .. }) => Some(*until),
            State::Waiting(waiting) => waiting.tell_at,
            State::Asking(Asking { phase: Phase::Prompting, .. })
            | State::Collecting(Collecting { phase: Phase::Prompting, .. })
            | State::NotStarted
            | State::Saying(_)
            | State::Dialling(_)
            | State::WithAgent(_)
            | State::Ending
            | State::Over => None,
        }
    }

    /// The next order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Enters a node; a key that cut the last prompt short counts for a menu.
    fn go_to(&mut self, now: Time, index: NodeIndex, ahead: Option<Digit>) {
        let flow = Arc::clone(&self.flow);
        let (name, node) = flow.node(index);
        self.outputs.push_back(Output::NodeEntered(name.to_owned()));
        match node {
            Node::Say(say) => {
                self.state = State::Saying(index);
                self.play(now, &say.prompts);
            }
            Node::Menu(menu) => {
                let (replays_left, pressed) = (menu.replays, String::new());
                self.state =
                    State::Asking(Asking { node: index, replays_left, pressed, phase: Phase::Prompting });
                match ahead {
                    Some(digit) => self.digit(now, digit),
                    None => self.play(now, &menu.prompts),
                }
            }
            Node::Collect(_) => self.begin_to_collect(now, index, ahead),
            Node::Queue(queue) => {
                self.outputs.push_back(Output::Enqueue(queue.queue.clone(), queue.bonus_s));
                self.wait(now, Arc::clone(queue));
            }
            Node::Dial(dial) => self.begin_to_dial(now, index, dial),
            Node::HangUp(hang_up) => {
                self.state = State::Ending;
                self.play(now, &hang_up.prompts);
            }
        }
    }

    fn play_ended(&mut self, now: Time) {
        let flow = Arc::clone(&self.flow);
        match &mut self.state {
            State::Saying(index) => {
                if let Node::Say(say) = flow.node(*index).1 {
                    self.go_to(now, say.next, None);
                }
            }
            State::Asking(asking) => {
                if let (Phase::Prompting, Node::Menu(menu)) = (asking.phase, flow.node(asking.node).1) {
                    asking.phase = Phase::Listening { until: now + menu.timeout };
                }
            }
            State::Collecting(collecting) => {
                if let (Phase::Prompting, Node::Collect(collect)) =
                    (collecting.phase, flow.node(collecting.node).1)
                {
                    collecting.phase = Phase::Listening { until: now + collect.timeout };
                }
            }
            State::Waiting(_) => self.music(),
            State::Dialling(_) => self.dial(now),
            State::Ending => {
                self.state = State::Over;
                self.outputs.push_back(Output::HangUp);
            }
            State::NotStarted | State::WithAgent(_) | State::Over => {}
        }
    }

    fn digit(&mut self, now: Time, digit: Digit) {
        let flow = Arc::clone(&self.flow);
        match &mut self.state {
            State::Saying(index) => {
                if let Node::Say(say) = flow.node(*index).1
                    && say.barge_in
                {
                    let next = say.next;
                    self.outputs.push_back(Output::StopPlay);
                    self.go_to(now, next, Some(digit));
                }
            }
            State::Asking(asking) => {
                let (name, Node::Menu(menu)) = flow.node(asking.node) else { return };
                if matches!(asking.phase, Phase::Prompting) && !menu.barge_in {
                    return;
                }
                self.outputs.push_back(Output::Pressed(name.to_owned(), digit));
                asking.pressed.push(digit.key());
                self.choose(now, menu);
            }
            State::Collecting(_) => self.collect(now, digit),
            State::NotStarted
            | State::Waiting(_)
            | State::Dialling(_)
            | State::WithAgent(_)
            | State::Ending
            | State::Over => {}
        }
    }

    /// A caller who hears the last words of the flow hears them to their end.
    fn close(&mut self, now: Time) {
        match self.state {
            State::NotStarted | State::Ending | State::Over => {}
            State::Saying(_)
            | State::Asking(_)
            | State::Collecting(_)
            | State::Waiting(_)
            | State::Dialling(_)
            | State::WithAgent(_) => {
                self.outputs.push_back(Output::StopPlay);
                self.state = State::Ending;
                self.play(now, &[CLOSING.to_owned()]);
            }
        }
    }

    fn play(&mut self, now: Time, stems: &[String]) {
        if stems.is_empty() {
            // No clip to play: continue as at the end of a prompt.
            self.play_ended(now);
            return;
        }
        let clips = self.clips(stems);
        self.outputs.push_back(Output::Play(Sound { clips, mode: PlayMode::Once }));
    }

    fn clips(&self, stems: &[String]) -> Vec<ClipId> {
        stems.iter().map(|stem| ClipId::from(format!("{}/{stem}", self.language))).collect()
    }
}
