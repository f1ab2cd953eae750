//! A caller who waits in a queue: greeting, position, music, and where the longest wait leads.

use std::sync::Arc;

use model::{ClipId, PlayMode, QueueName, Time};

use super::{Output, Session, Sound, State};
use crate::flow::QueueNode;
use crate::speech;

/// The prompt for a caller who has waited for the longest time allowed, when the flow has none for that.
const REGRET: &str = "sorry-error";

/// A wait.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) queue: Arc<QueueNode>,
    /// When the position is announced next.
    pub(super) tell_at: Option<Time>,
    /// Whether the queue's greeting was played.
    pub(super) greeted: bool,
}

impl Session {
    /// The caller waits in a queue, and hears the position first.
    pub(super) fn wait(&mut self, now: Time, queue: Arc<QueueNode>) {
        let tell_at = queue.position_every.map(|every| now + every);
        self.state = State::Waiting(Waiting { queue, tell_at, greeted: false });
        self.outputs.push_back(Output::AskPosition);
    }

    pub(super) fn sent_to_queue(&mut self, now: Time, queue: QueueName) {
        if let State::WithAgent(_) | State::Dialling(_) = self.state {
            let node = self.flow.queue_node(&queue);
            self.wait(now, node.unwrap_or_else(|| Arc::new(QueueNode::plain(queue))));
        }
    }

    /// Plays the position, preceded by the queue's greeting for a caller who has just entered.
    pub(super) fn tell_position(&mut self, position: u32) {
        let State::Waiting(waiting) = &mut self.state else { return };
        let greeted = std::mem::replace(&mut waiting.greeted, true);
        let mut stems =
            if greeted { vec!["thanks-waiting".to_owned()] } else { waiting.queue.prompts.clone() };
        stems.extend(speech::position(self.language, position));
        let clips = self.clips(&stems);
        self.outputs.push_back(Output::Play(Sound { clips, mode: PlayMode::Once }));
    }

    /// After the longest wait: goes to the node that the flow names, else plays a last prompt and hangs up.
    pub(super) fn waited_out(&mut self, now: Time, last: bool) {
        let State::Waiting(waiting) = &self.state else { return };
        let waited_out = waiting.queue.waited_out;
        self.outputs.push_back(Output::StopPlay);
        match waited_out.filter(|_| !last) {
            Some(next) => self.go_to(now, next, None),
            None => {
                self.state = State::Ending;
                self.play(now, &[REGRET.to_owned()]);
            }
        }
    }

    pub(super) fn music(&mut self) {
        if let State::Waiting(waiting) = &self.state {
            let clips = vec![ClipId::from(waiting.queue.music.as_str())];
            self.outputs.push_back(Output::Play(Sound { clips, mode: PlayMode::Loop }));
        }
    }
}
