//! From a flow's text to a [`Flow`], or to every problem it has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Digit, Language, Number, QueueName};
use text::{At, Problems, Section, parse, text};

use crate::check;
use crate::flow::{
    Collect, Dial, Dialled, Flow, Goto, HangUp, Keys, MUSIC, Menu, Node, NodeIndex, POSITION_EVERY,
    QueueNode, Say,
};
use crate::speech;

/// The names that a flow may refer to.
pub struct Catalogue<'a> {
    /// Is there a clip of this name (`zh-CN/welcome`, `music/default`)?
    pub has_clip: &'a dyn Fn(&str) -> bool,
    /// The queues; `None` when `queues.toml` could not be read: then every queue name is accepted.
    pub queues: Option<&'a [QueueName]>,
    /// The extensions of the directory; `None` when they are not known, and whatever names one is believed.
    pub extensions: Option<&'a [Number]>,
}

/// Compiles a flow. `None` when there was any problem; all of them are in `problems` then.
pub fn compile(file: &str, source: &str, catalogue: &Catalogue<'_>, problems: &Problems) -> Option<Flow> {
    let before = problems.count();
    let mut root = parse(file, source, problems);
    let name = root.require::<String>("name");
    let version = root.require::<String>("version");
    let start = root.require::<String>("start");
    let sections = root.named("nodes");
    if sections.is_empty() {
        let hint = text!("add a [nodes.NAME] table", "请添加 [nodes.名称] 表");
        root.problem(1, text!("the flow has no nodes", "流程中没有节点"), hint);
    }
    let names: BTreeMap<String, NodeIndex> =
        sections.iter().enumerate().map(|(nth, (name, _))| (name.value.clone(), NodeIndex(nth))).collect();
    let start = start.and_then(|start| resolve(&root, &names, &start));
    let mut reader = NodeReader { names: &names, catalogue, placed: Vec::new(), collected: Vec::new() };
    let nodes: Vec<_> = sections.into_iter().map(|(name, section)| (name, reader.read(section))).collect();
    for (name, node) in &nodes {
        reader.collected.retain(|at| at.value != name.value || !is_open_number(node.as_ref()));
    }
    reader.collected.iter().for_each(|at| no_number(&root, at));
    let lines: Vec<u32> = nodes.iter().map(|(name, _)| name.line).collect();
    let file = root.file().clone();
    root.finish();
    let nodes: Option<Vec<_>> = nodes.into_iter().map(|(name, node)| Some((name.value, node?))).collect();
    let flow = Flow { name: name?.value, version: version?.value, start: start?, nodes: nodes? };
    check::graph(&flow, &lines, &file, problems);
    (problems.count() == before).then_some(flow)
}

/// A node that collects a number which is no secret; one that could not be read may be one.
fn is_open_number(node: Option<&Node>) -> bool {
    match node {
        Some(Node::Collect(collect)) => !collect.secret,
        Some(Node::Say(_) | Node::Menu(_) | Node::Queue(_) | Node::Dial(_) | Node::HangUp(_)) => false,
        None => true,
    }
}

fn no_number(root: &Section, At { value: name, line }: &At<String>) {
    root.problem(
        *line,
        text!("node {name:?} collects no number that may be dialled", "节点 {name:?} 不收集可拨打的号码"),
        text!(
            "name a node of kind \"collect\" that is not secret",
            "请写一个 kind = \"collect\" 且非 secret 的节点"
        ),
    );
}

fn resolve(section: &Section, names: &BTreeMap<String, NodeIndex>, to: &At<String>) -> Option<NodeIndex> {
    let found = names.get(&to.value).copied();
    if found.is_none() {
        let name = &to.value;
        let known = names.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        section.problem(
            to.line,
            text!("there is no node {name:?}", "没有名为 {name:?} 的节点"),
            text!("the nodes are: {known}", "现有节点：{known}"),
        );
    }
    found
}

struct NodeReader<'a> {
    names: &'a BTreeMap<String, NodeIndex>,
    catalogue: &'a Catalogue<'a>,
    /// Prompt stems of this node that already have a problem.
    placed: Vec<String>,
    /// The nodes whose numbers are dialled.
    collected: Vec<At<String>>,
}

impl NodeReader<'_> {
    fn read(&mut self, mut section: Section) -> Option<Node> {
        self.placed.clear();
        let kind = section.require::<String>("kind")?;
        let node = match kind.value.as_str() {
            "say" => self.say(&mut section).map(Node::Say),
            "menu" => self.menu(&mut section).map(Node::Menu),
            "collect" => self.collect(&mut section).map(Node::Collect),
            "queue" => self.queue(&mut section).map(|queue| Node::Queue(Arc::new(queue))),
            "dial" => self.dial(&mut section).map(Node::Dial),
            "hang_up" => Some(Node::HangUp(HangUp { prompts: self.prompts(&mut section, "prompts") })),
            other => {
                section.problem(
                    kind.line,
                    text!("there is no kind {other:?} of node", "没有 {other:?} 这种节点"),
                    text!(
                        "the kinds are: say, menu, collect, queue, dial, hang_up",
                        "节点种类：say、menu、collect、queue、dial、hang_up"
                    ),
                );
                // Which other keys are allowed depends on the kind.
                return None;
            }
        };
        section.finish();
        node
    }

    fn say(&mut self, section: &mut Section) -> Option<Say> {
        let prompts = self.prompts(section, "prompts");
        let barge_in = section.boolean("barge_in").is_none_or(|at| at.value);
        let next = self.target(section, "next");
        Some(Say { prompts, barge_in, next: next? })
    }

    fn menu(&mut self, section: &mut Section) -> Option<Menu> {
        let prompts = self.prompts(section, "prompts");
        let barge_in = section.boolean("barge_in").is_none_or(|at| at.value);
        let timeout = seconds(section, "timeout_s", 5);
        let inter_digit = seconds(section, "inter_digit_s", 3);
        let replays = section.integer("replays", 0..=10).map_or(3, |at| at.value);
        let no_input = self.prompts(section, "no_input");
        let invalid = self.prompts(section, "invalid");
        let keys = self.keys(section);
        let otherwise = self.target(section, "otherwise");
        let replays = u32::try_from(replays).unwrap_or(u32::MAX);
        let otherwise = otherwise?;
        Some(Menu { prompts, barge_in, timeout, inter_digit, replays, no_input, invalid, keys, otherwise })
    }

    fn collect(&mut self, section: &mut Section) -> Option<Collect> {
        let prompts = self.prompts(section, "prompts");
        let barge_in = section.boolean("barge_in").is_none_or(|at| at.value);
        let secret = section.boolean("secret").is_some_and(|at| at.value);
        let (least, most) = lengths(section);
        let end_key = end_key(section);
        let timeout = seconds(section, "timeout_s", 10);
        let inter_digit = seconds(section, "inter_digit_s", 5);
        let replays = section.integer("replays", 0..=10).map_or(2, |at| at.value);
        let replays = u32::try_from(replays).unwrap_or(u32::MAX);
        let no_input = self.prompts(section, "no_input");
        let invalid = self.prompts(section, "invalid");
        let next = self.target(section, "next");
        let otherwise = self.target(section, "otherwise");
        let (next, otherwise) = (next?, otherwise?);
        Some(Collect {
            prompts,
            barge_in,
            secret,
            least,
            most,
            end_key,
            timeout,
            inter_digit,
            replays,
            no_input,
            invalid,
            next,
            otherwise,
        })
    }

    fn dial(&mut self, section: &mut Section) -> Option<Dial> {
        let prompts = self.prompts(section, "prompts");
        let whom = self.whom(section);
        let queue = self.queue_name(section);
        let closed = section.string("closed").and_then(|to| resolve(section, self.names, &to));
        let otherwise = self.target(section, "otherwise");
        Some(Dial { prompts, whom: whom?, queue: queue?.value, closed, otherwise: otherwise? })
    }

    /// The extension that is dialled, or the node whose number is.
    fn whom(&mut self, section: &mut Section) -> Option<Dialled> {
        let extension = section.parsed::<Number>("extension");
        let collected = section.string("collected");
        match (extension, collected) {
            (Some(At { value, line }), None) => {
                if let Some(known) = self.catalogue.extensions.filter(|known| !known.contains(&value)) {
                    let known = known.iter().map(Number::as_str).collect::<Vec<_>>().join(", ");
                    section.problem(
                        line,
                        text!("the directory has no extension {value}", "部门目录中没有分机号 {value}"),
                        text!("the extensions are: {known}", "现有分机号：{known}"),
                    );
                }
                Some(Dialled::Extension(value))
            }
            (None, Some(at)) => {
                resolve(section, self.names, &at)?;
                self.collected.push(at.clone());
                Some(Dialled::Collected(at.value))
            }
            (_, _) => {
                section.problem(
                    section.line(),
                    text!("name extension or collected, not both", "请在 extension 与 collected 中写一个"),
                    text!(
                        "extension = \"6001\", or collected = \"node\" for the number that was pressed there",
                        "extension = \"6001\"，或 collected = \"收集号码的节点\""
                    ),
                );
                None
            }
        }
    }

    fn queue_name(&self, section: &mut Section) -> Option<At<QueueName>> {
        let queue = section.require::<QueueName>("queue");
        if let Some(At { value, line }) = &queue
            && let Some(queues) = self.catalogue.queues
            && !queues.contains(value)
        {
            let known = queues.iter().map(QueueName::as_str).collect::<Vec<_>>().join(", ");
            section.problem(
                *line,
                text!("there is no queue {value}", "没有名为 {value} 的队列"),
                text!("the queues are: {known}", "现有队列：{known}"),
            );
        }
        queue
    }

    fn queue(&mut self, section: &mut Section) -> Option<QueueNode> {
        let queue = self.queue_name(section);
        let bonus_s = section.integer("bonus_s", 0..=86_400).map_or(0, |at| at.value);
        let prompts = self.prompts(section, "prompts");
        let every =
            section.integer("position_every_s", 0..=3600).map_or(POSITION_EVERY.as_secs(), |at| at.value);
        let music = section.string("music").map_or_else(|| MUSIC.to_owned(), |at| at.value);
        let line = section.line();
        self.demand_clip(section, line, &music);
        for stem in speech::position_stems() {
            self.demand_in_all_languages(section, line, stem);
        }
        let waited_out = section.string("waited_out").and_then(|to| resolve(section, self.names, &to));
        Some(QueueNode {
            waited_out,
            queue: queue?.value,
            bonus_s: u32::try_from(bonus_s).unwrap_or(u32::MAX),
            prompts,
            position_every: (every > 0).then(|| Duration::from_secs(every)),
            music,
        })
    }

    fn keys(&self, section: &mut Section) -> Keys {
        let line = section.line();
        let mut keys: Vec<(String, Goto)> = Vec::new();
        for (pressed, to) in section.pairs("keys") {
            let valid =
                (1..=8).contains(&pressed.len()) && pressed.chars().all(|c| Digit::from_char(c).is_some());
            if !valid {
                section.problem(
                    to.line,
                    text!("{pressed:?} cannot be pressed", "{pressed:?} 不是可按的键"),
                    text!("use 1 to 8 of 0-9, * and #", "请使用 1 到 8 个 0-9、* 或 #"),
                );
            }
            for (other, _) in &keys {
                if other.starts_with(&pressed) || pressed.starts_with(other.as_str()) {
                    section.problem(
                        to.line,
                        text!("keys {pressed} and {other} are ambiguous", "按键 {pressed} 与 {other} 有歧义"),
                        text!(
                            "no choice may be the beginning of another",
                            "任何选项都不能是另一个选项的开头"
                        ),
                    );
                }
            }
            let goto = match to.value.as_str() {
                "@repeat" => Some(Goto::Repeat),
                "@language" => Some(Goto::SwitchLanguage),
                _ => resolve(section, self.names, &to).map(Goto::Node),
            };
            keys.extend(goto.map(|goto| (pressed, goto)));
        }
        if keys.is_empty() {
            section.problem(
                line,
                text!("the menu has no keys", "菜单没有按键"),
                text!("add keys = {{ \"1\" = \"node\" }}", "请添加 keys = {{ \"1\" = \"节点\" }}"),
            );
        }
        Keys(keys)
    }

    fn target(&self, section: &mut Section, key: &'static str) -> Option<NodeIndex> {
        match section.string(key) {
            Some(to) => resolve(section, self.names, &to),
            None => {
                section.problem(
                    section.line(),
                    text!("dead end: {key} is missing", "死路：缺少 {key}"),
                    text!("say where the caller goes: {key} = \"node\"", "请写明去向：{key} = \"节点\""),
                );
                None
            }
        }
    }

    fn prompts(&mut self, section: &mut Section, key: &'static str) -> Vec<String> {
        let prompts = section.strings(key);
        for At { value, line } in &prompts {
            self.demand_in_all_languages(section, *line, value);
        }
        prompts.into_iter().map(|at| at.value).collect()
    }

    fn demand_in_all_languages(&mut self, section: &Section, line: u32, stem: &str) {
        for language in Language::ALL {
            self.demand_clip(section, line, &format!("{language}/{stem}"));
        }
    }

    fn demand_clip(&mut self, section: &Section, line: u32, clip: &str) {
        if (self.catalogue.has_clip)(clip) || self.placed.iter().any(|placed| placed == clip) {
            return;
        }
        self.placed.push(clip.to_owned());
        section.problem(
            line,
            text!("there is no prompt {clip}", "缺少语音 {clip}"),
            text!("put prompts/{clip}.wav there", "请放入 prompts/{clip}.wav"),
        );
    }
}

fn seconds(section: &mut Section, key: &'static str, default: u64) -> Duration {
    Duration::from_secs(section.integer(key, 1..=120).map_or(default, |at| at.value))
}

/// The fewest and the most keys of a collecting node.
fn lengths(section: &mut Section) -> (usize, usize) {
    let least = section.integer("min_digits", 1..=64);
    let most = section.integer("max_digits", 1..=64);
    let number = |at: &Option<At<u64>>, default| {
        at.as_ref().and_then(|at| usize::try_from(at.value).ok()).unwrap_or(default)
    };
    let fewest = number(&least, 1);
    let longest = number(&most, fewest);
    if longest < fewest {
        let line = most.or(least).map_or(section.line(), |at| at.line);
        section.problem(
            line,
            text!("max_digits is less than min_digits", "max_digits 小于 min_digits"),
            text!("write max_digits = {fewest} or more", "请写 max_digits = {fewest} 或更大"),
        );
    }
    (fewest, longest)
}

/// The key that ends a number; `#` by default.
fn end_key(section: &mut Section) -> Option<Digit> {
    let Some(At { value, line }) = section.string("end_key") else { return Digit::from_char('#') };
    match value.as_str() {
        "none" => None,
        "#" | "*" => value.chars().next().and_then(Digit::from_char),
        _ => {
            section.problem(
                line,
                text!("end_key = {value:?} cannot be used", "end_key = {value:?} 不可用"),
                text!("write \"#\", \"*\" or \"none\"", "请写 \"#\"、\"*\" 或 \"none\""),
            );
            None
        }
    }
}
