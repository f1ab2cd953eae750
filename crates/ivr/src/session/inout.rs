//! What a session takes and gives.

use model::{ClipId, Digit, Language, Number, PlayMode, QueueName};

#[cfg(doc)]
use crate::Session;
use crate::flow::NodeIndex;

/// What happened to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The call was answered: begin.
    Start,
    /// The last prompt that was to be played once has ended.
    PlayEnded,
    /// A key.
    Digit(Digit),
    /// The answer to [`Output::AskPosition`]; 1-based.
    Position(u32),
    /// An agent talks to the caller.
    AgentJoined,
    /// The longest wait is over, and the caller has left the queue.
    WaitedOut {
        /// True when it was the longest wait of the call, not of this queue: the call ends.
        last: bool,
    },
    /// The center closes. The caller has left queue and agent, hears a last prompt, and the call ends.
    Closing,
    /// The agent's leg failed before the conversation began: the caller waits again, at the same place.
    AgentLost,
    /// The agent transferred the caller to this queue, and the caller is in it already. The flow's first queue node for
    /// it says what the caller hears; without one it is music and positions.
    SentToQueue(QueueName),
    /// The agent transferred the caller to this node.
    SentTo(NodeIndex),
    /// Nobody answered for the caller whom the agent or the flow transferred: this prompt, then hang up.
    SentToMessage(String),
    /// Nobody answered at the extension that was dialled.
    NotDialled {
        /// True when it is outside of its hours.
        closed: bool,
    },
}

/// What the session orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Play this, and stop the prompt that plays now.
    Play(Sound),
    /// Stop the prompt that plays now.
    StopPlay,
    /// The caller entered this node.
    NodeEntered(String),
    /// The caller pressed a key that the flow takes as input.
    Pressed(String, Digit),
    /// Secret input begins at this node: no key may be shown or logged.
    SecretBegan(String),
    /// Secret input ends.
    SecretEnded {
        /// The node.
        node: String,
        /// How many keys were pressed in the last attempt.
        digits: usize,
        /// True when their number was within the node's limits.
        complete: bool,
        /// True when the caller pressed the end key: keys that follow are not secret.
        by_end_key: bool,
    },
    /// The language of all further prompts.
    LanguageChosen(Language),
    /// Put the caller into a queue with this bonus in seconds.
    Enqueue(QueueName, u32),
    /// Tell the session the caller's position.
    AskPosition,
    /// Ring an extension. Answered by `AgentJoined`, `SentToQueue`, `SentToMessage` or `NotDialled`.
    Dial {
        /// The extension; it may not exist.
        extension: Number,
        /// The queue that the conversation counts for.
        queue: QueueName,
        /// The caller pressed it: only public extensions may be reached.
        by_keys: bool,
    },
    /// The flow is done with the caller.
    HangUp,
}

/// Clips to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// In this order.
    pub clips: Vec<ClipId>,
    /// Once, or repeated.
    pub mode: PlayMode,
}
