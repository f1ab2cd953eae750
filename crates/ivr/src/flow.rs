//! A compiled flow: every reference resolved to a node that exists.

use std::sync::Arc;
use std::time::Duration;

use model::{Digit, Number, QueueName};

/// A node's name, unique within its flow.
pub type NodeName = String;

/// The index of a node in its flow. Only compiled flows hand these out, so each is in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeIndex(pub(crate) usize);

/// A flow that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) start: NodeIndex,
    pub(crate) nodes: Vec<(NodeName, Node)>,
}

impl Flow {
    /// No flow: of customers whom an agent called, who wait in queues alone when the agent gives them away.
    pub fn none() -> Flow {
        let end = Node::HangUp(HangUp { prompts: Vec::new() });
        Flow {
            name: "none".to_owned(),
            version: "0".to_owned(),
            start: NodeIndex(0),
            nodes: vec![("end".to_owned(), end)],
        }
    }

    /// The flow's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and version, as the event log has it: `main@1`.
    pub fn versioned_name(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// The nodes, in the order of the file.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// The node of this name.
    pub fn find(&self, name: &str) -> Option<NodeIndex> {
        self.nodes.iter().position(|(known, _)| known == name).map(NodeIndex)
    }

    /// The first node in which callers wait for this queue.
    pub(crate) fn queue_node(&self, queue: &QueueName) -> Option<Arc<QueueNode>> {
        self.nodes.iter().find_map(|(_, node)| match node {
            Node::Queue(waits) if waits.queue == *queue => Some(Arc::clone(waits)),
            Node::Queue(_)
            | Node::Say(_)
            | Node::Menu(_)
            | Node::Collect(_)
            | Node::Dial(_)
            | Node::HangUp(_) => None,
        })
    }

    pub(crate) fn node(&self, index: NodeIndex) -> (&str, &Node) {
        let (name, node) = &self.nodes[index.0];
        (name, node)
    }
}

/// One step of a flow.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Says something and goes on.
    Say(Say),
    /// Asks for keys.
    Menu(Menu),
    /// Asks for several keys in a row.
    Collect(Collect),
    /// Waits for an agent.
    Queue(Arc<QueueNode>),
    /// Rings an extension of the directory.
    Dial(Dial),
    /// Says something and hangs up.
    HangUp(HangUp),
}

/// Says something and goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Say {
    /// Prompt stems, played in order in the caller's language.
    pub prompts: Vec<String>,
    /// True when a key ends the prompt; the key counts for a menu that follows.
    pub barge_in: bool,
    /// Where to go then.
    pub next: NodeIndex,
}

/// Asks for keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Menu {
    /// What is asked.
    pub prompts: Vec<String>,
    /// True when a key ends the prompt.
    pub barge_in: bool,
    /// How long after the prompt a key may come.
    pub timeout: Duration,
    /// How long after one key the next may come, where choices have several.
    pub inter_digit: Duration,
    /// How often the menu is asked again after silence or a wrong key.
    pub replays: u32,
    /// Said before the replay after silence.
    pub no_input: Vec<String>,
    /// Said before the replay after a wrong key.
    pub invalid: Vec<String>,
    /// The choices.
    pub keys: Keys,
    /// Where to go when the replays are used up.
    pub otherwise: NodeIndex,
}

/// Asks for several keys in a row, such as a card number.
#[derive(Debug, Clone, PartialEq)]
pub struct Collect {
    /// What is asked.
    pub prompts: Vec<String>,
    /// True when a key ends the prompt.
    pub barge_in: bool,
    /// True when what is pressed may reach neither log, recording nor agent.
    pub secret: bool,
    /// The fewest keys, 1–64.
    pub least: usize,
    /// The most keys, 1–64.
    pub most: usize,
    /// The end key, which is not part of the input. `None`: the input ends with its last key or with silence.
    pub end_key: Option<Digit>,
    /// How long after the prompt the first key may come.
    pub timeout: Duration,
    /// How long after one key the next may come.
    pub inter_digit: Duration,
    /// How often is asked again after silence, or too few or too many keys.
    pub replays: u32,
    /// Said before the replay after silence.
    pub no_input: Vec<String>,
    /// Said before the replay after too few or too many keys.
    pub invalid: Vec<String>,
    /// Where to go with the keys.
    pub next: NodeIndex,
    /// Where to go when the replays are used up.
    pub otherwise: NodeIndex,
}

/// Rings an extension of the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Dial {
    /// Said before.
    pub prompts: Vec<String>,
    /// Which extension.
    pub whom: Dialled,
    /// The queue that the conversation counts for. The caller waits there when whoever took the call falls away.
    pub queue: QueueName,
    /// Where to go when it is outside of the extension's hours; `None`: as `otherwise`.
    pub closed: Option<NodeIndex>,
    /// Where to go when nobody takes the call, or there is no such extension.
    pub otherwise: NodeIndex,
}

/// Which extension a flow dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialled {
    /// This one.
    Extension(Number),
    /// The one that was pressed at this collecting node: public ones alone.
    Collected(NodeName),
}

/// The choices of a menu: no choice is the beginning of another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keys(pub(crate) Vec<(String, Goto)>);

impl Keys {
    /// The choices with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Goto)> {
        self.0.iter().map(|(keys, goto)| (keys.as_str(), *goto))
    }
}

/// The effect of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goto {
    /// Goes to a node.
    Node(NodeIndex),
    /// Asks again (`@repeat`).
    Repeat,
    /// Asks again in the other language (`@language`).
    SwitchLanguage,
}

/// Waits for an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueNode {
    /// The queue.
    pub queue: QueueName,
    /// Seconds of virtual waiting to start with.
    pub bonus_s: u32,
    /// Said once on entry, before the position.
    pub prompts: Vec<String>,
    /// The time from one announcement of the position to the next; `None`: only at the begin of the wait.
    pub position_every: Option<Duration>,
    /// The clip that plays between announcements.
    pub music: String,
    /// The node after the longest wait; `None`: a last prompt, then hang up.
    pub waited_out: Option<NodeIndex>,
}

/// What plays while a caller waits, where a flow says nothing else.
pub(crate) const MUSIC: &str = "music/default";
/// How often a caller who waits hears the position, where a flow says nothing else.
pub(crate) const POSITION_EVERY: Duration = Duration::from_secs(30);

impl QueueNode {
    /// The wait in a queue for which the flow has no node.
    pub(crate) fn plain(queue: QueueName) -> QueueNode {
        QueueNode {
            queue,
            bonus_s: 0,
            prompts: Vec::new(),
            position_every: Some(POSITION_EVERY),
            music: MUSIC.to_owned(),
            waited_out: None,
        }
    }
}

/// Says something and hangs up.
#[derive(Debug, Clone, PartialEq)]
pub struct HangUp {
    /// The last words.
    pub prompts: Vec<String>,
}
