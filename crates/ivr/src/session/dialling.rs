//! An extension that the flow dials: the caller waits until it is known who takes the call, or that nobody does.

use std::sync::Arc;

use model::{Number, Time};

use super::{Output, Session, State, Waiting};
use crate::flow::{Dial, Dialled, Node, NodeIndex, QueueNode};

/// A caller at a dialling node.
#[derive(Debug, Clone)]
pub(super) struct Dialling {
    node: NodeIndex,
    /// Its words are said, and the extension is dialled.
    is_dialled: bool,
}

impl Session {
    pub(super) fn begin_to_dial(&mut self, now: Time, node: NodeIndex, dial: &Dial) {
        self.state = State::Dialling(Dialling { node, is_dialled: false });
        self.play(now, &dial.prompts);
    }

    /// The words before it are said: the extension is dialled, if there is one.
    pub(super) fn dial(&mut self, now: Time) {
        let flow = Arc::clone(&self.flow);
        let State::Dialling(dialling) = &mut self.state else { return };
        let Node::Dial(dial) = flow.node(dialling.node).1 else { return };
        if std::mem::replace(&mut dialling.is_dialled, true) {
            return;
        }
        let (extension, by_keys) = match &dial.whom {
            Dialled::Extension(extension) => (Some(extension.clone()), false),
            Dialled::Collected(node) => {
                (self.collected(node).and_then(|keys| keys.reveal().parse::<Number>().ok()), true)
            }
        };
        match extension {
            Some(extension) => {
                let queue = dial.queue.clone();
                self.outputs.push_back(Output::Dial { extension, queue, by_keys });
            }
            None => self.dialled_in_vain(now, false),
        }
    }

    /// Nobody took the call.
    pub(super) fn dialled_in_vain(&mut self, now: Time, closed: bool) {
        let flow = Arc::clone(&self.flow);
        let State::Dialling(dialling) = &self.state else { return };
        let Node::Dial(dial) = flow.node(dialling.node).1 else { return };
        let next = dial.closed.filter(|_| closed).unwrap_or(dial.otherwise);
        self.go_to(now, next, None);
    }

    /// Somebody took the call. When that one falls away, the caller waits in the node's queue.
    pub(super) fn dialled_talks(&mut self) {
        let flow = Arc::clone(&self.flow);
        let State::Dialling(dialling) = &self.state else { return };
        let Node::Dial(dial) = flow.node(dialling.node).1 else { return };
        let queue = flow.queue_node(&dial.queue);
        let queue = queue.unwrap_or_else(|| Arc::new(QueueNode::plain(dial.queue.clone())));
        self.state = State::WithAgent(Waiting { queue, tell_at: None, greeted: true });
    }
}
