//! Several keys in a row, such as a card number: the part of a session that collects them.

use std::sync::Arc;

use model::{Digit, Secret, Time};

use super::{Output, Phase, Session, State, Why};
use crate::flow::{Collect, Node, NodeIndex};

/// A caller at a collecting node.
#[derive(Debug, Clone)]
pub(super) struct Collecting {
    pub(super) node: NodeIndex,
    pub(super) phase: Phase,
    replays_left: u32,
    keys: Secret,
}

impl Session {
    /// The last input of the node with this name. It is kept in memory alone, as long as the session lives.
    pub fn collected(&self, node: &str) -> Option<&Secret> {
        self.collected.get(node)
    }

    /// How many keys were pressed so far at the node that asks in secret now.
    pub fn pressed_in_secret(&self) -> Option<(&str, usize)> {
        let State::Collecting(collecting) = &self.state else { return None };
        let (name, Node::Collect(Collect { secret: true, .. })) = self.flow.node(collecting.node) else {
            return None;
        };
        Some((name, collecting.keys.count()))
    }

    pub(super) fn begin_to_collect(&mut self, now: Time, index: NodeIndex, ahead: Option<Digit>) {
        let flow = Arc::clone(&self.flow);
        let (name, Node::Collect(collect)) = flow.node(index) else { return };
        let (replays_left, keys) = (collect.replays, Secret::default());
        let phase = Phase::Prompting;
        self.state = State::Collecting(Collecting { node: index, phase, replays_left, keys });
        if collect.secret {
            self.outputs.push_back(Output::SecretBegan(name.to_owned()));
        }
        // A key pressed before the secret input began is not part of it.
        match ahead.filter(|_| !collect.secret) {
            Some(digit) => self.collect(now, digit),
            None => self.play(now, &collect.prompts),
        }
    }

    /// Takes a key.
    pub(super) fn collect(&mut self, now: Time, digit: Digit) {
        let flow = Arc::clone(&self.flow);
        let State::Collecting(collecting) = &mut self.state else { return };
        let (name, Node::Collect(collect)) = flow.node(collecting.node) else { return };
        if matches!(collecting.phase, Phase::Prompting) {
            if !collect.barge_in {
                return;
            }
            self.outputs.push_back(Output::StopPlay);
        }
        if !collect.secret {
            self.outputs.push_back(Output::Pressed(name.to_owned(), digit));
        }
        collecting.phase = Phase::Listening { until: now + collect.inter_digit };
        if collect.end_key == Some(digit) {
            return self.judge(now, true);
        }
        collecting.keys.push(digit);
        // Where fewer keys are allowed, the caller ends the input with the end key; so a key too many is noticed, and
        // does not become input of the next node.
        let fixed = collect.end_key.is_none() || collect.least == collect.most;
        if fixed && collecting.keys.count() >= collect.most {
            self.judge(now, false);
        }
    }

    /// The time for the next key is over.
    pub(super) fn collected_in_time(&mut self, now: Time) {
        match &self.state {
            State::Collecting(collecting) if collecting.keys.count() == 0 => {
                self.collect_again(now, Why::Silence);
            }
            State::Collecting(_) => self.judge(now, false),
            State::NotStarted
            | State::Saying(_)
            | State::Asking(_)
            | State::Waiting(_)
            | State::Dialling(_)
            | State::WithAgent(_)
            | State::Ending
            | State::Over => {}
        }
    }

    /// Goes on if the number of keys is within the limits, else asks again.
    fn judge(&mut self, now: Time, by_end_key: bool) {
        let flow = Arc::clone(&self.flow);
        let State::Collecting(collecting) = &mut self.state else { return };
        let (name, Node::Collect(collect)) = flow.node(collecting.node) else { return };
        if !(collect.least..=collect.most).contains(&collecting.keys.count()) {
            return self.collect_again(now, Why::WrongKey);
        }
        let keys = std::mem::take(&mut collecting.keys);
        self.leave_secret(name, collect, keys.count(), true, by_end_key);
        self.collected.insert(name.to_owned(), keys);
        self.go_to(now, collect.next, None);
    }

    fn collect_again(&mut self, now: Time, why: Why) {
        let flow = Arc::clone(&self.flow);
        let State::Collecting(collecting) = &mut self.state else { return };
        let (name, Node::Collect(collect)) = flow.node(collecting.node) else { return };
        let count = std::mem::take(&mut collecting.keys).count();
        if collecting.replays_left == 0 {
            self.leave_secret(name, collect, count, false, false);
            return self.go_to(now, collect.otherwise, None);
        }
        collecting.replays_left -= 1;
        collecting.phase = Phase::Prompting;
        let before = match why {
            Why::Silence => &collect.no_input,
            Why::WrongKey => &collect.invalid,
        };
        let prompts: Vec<String> = before.iter().chain(&collect.prompts).cloned().collect();
        self.play(now, &prompts);
    }

    fn leave_secret(
        &mut self,
        name: &str,
        collect: &Collect,
        digits: usize,
        complete: bool,
        by_end_key: bool,
    ) {
        if collect.secret {
            let node = name.to_owned();
            self.outputs.push_back(Output::SecretEnded { node, digits, complete, by_end_key });
        }
    }
}
