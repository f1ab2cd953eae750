//! `directory.toml`: departments, branches and persons. The file may be missing: then there are none.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use center::DialPlan;
use model::{AgentId, Directory, DirectoryEntry, DirectoryKind, Instead, Language, Number, Party, QueueName};
use text::{At, Section, text};

use super::hours::NamedHours;
use super::people::{no_queue, twice};

/// How long a member rings, where an entry says nothing else.
const RING_S: u64 = 20;

/// What entries may name.
pub(super) struct Known<'a> {
    /// `None` when they are not known.
    pub(super) agents: Option<&'a [AgentId]>,
    /// `None` when they are not known.
    pub(super) queues: Option<&'a [QueueName]>,
    pub(super) hours: &'a NamedHours,
    pub(super) plan: &'a DialPlan,
    pub(super) has_clip: &'a dyn Fn(&str) -> bool,
}

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) directory: Directory,
    /// The lines of extensions.
    pub(super) lines: BTreeMap<Number, u32>,
}

pub(super) fn read(mut file: Section, known: &Known) -> Listed {
    let mut reader = Reader { known, entries: BTreeMap::new(), lines: BTreeMap::new(), named: Vec::new() };
    for kind in [DirectoryKind::Department, DirectoryKind::Branch, DirectoryKind::Person] {
        for mut section in file.list(kind.name()) {
            reader.entry(&mut section, kind);
            section.finish();
        }
    }
    let listed = reader.finish(&file);
    file.finish();
    listed
}

struct Reader<'a> {
    known: &'a Known<'a>,
    entries: BTreeMap<Number, DirectoryEntry>,
    /// The lines of extensions.
    lines: BTreeMap<Number, u32>,
    /// Extensions that entries name.
    named: Vec<At<Number>>,
}

impl Reader<'_> {
    fn entry(&mut self, section: &mut Section, kind: DirectoryKind) {
        let extension = section.require::<Extension>("extension");
        let (zh, en) = (section.require::<String>("zh"), section.require::<String>("en"));
        let members = self.members(section);
        let hours = self.hours(section);
        let ring = section.integer("ring_s", 5..=120).map_or(RING_S, |at| at.value);
        let deputy = section.parsed::<Number>("deputy");
        self.named.extend(deputy.clone());
        let closed = self.instead(section, "closed");
        let unanswered = self.instead(section, "unanswered");
        let is_public = section.boolean("public").is_some_and(|at| at.value);
        let Some(At { value: Extension(extension), line }) = extension else { return };
        if self.entries.contains_key(&extension) {
            twice(section, line, extension.as_str());
        }
        let (zh, en) = (zh.map(|at| at.value).unwrap_or_default(), en.map(|at| at.value).unwrap_or_default());
        let entry = DirectoryEntry {
            kind,
            zh,
            en,
            members,
            hours,
            ring: Duration::from_secs(ring),
            deputy: deputy.map(|at| at.value),
            closed,
            unanswered,
            is_public,
        };
        self.lines.insert(extension.clone(), line);
        self.entries.insert(extension, entry);
    }

    fn members(&self, section: &mut Section) -> Vec<Party> {
        let mut members: Vec<Party> = Vec::new();
        for At { value: who, line } in section.require_list::<Party>("members") {
            let is_known = |agent| self.known.agents.is_none_or(|known| known.contains(agent));
            match &who {
                _ if members.contains(&who) => twice(section, line, &who.reveal()),
                Party::Agent(agent) if !is_known(agent) => {
                    let hint = text!(
                        "name an agent of agents.toml, or tel: and a number outside",
                        "请写 agents.toml 中的座席，或 tel: 加外线号码"
                    );
                    section.problem(line, text!("there is no agent {agent}", "没有座席 {agent}"), hint);
                }
                Party::Outside(number) if self.known.plan.way(None, &[], number.reveal()).is_err() => {
                    let number = number.reveal();
                    let hint = text!(
                        "give dialling.toml a rule for everybody that allows it, with trunks",
                        "请在 dialling.toml 中为所有人添加允许该号码的规则"
                    );
                    let message =
                        text!("the dial plan lets nobody call {number}", "拨号规则不允许拨打 {number}");
                    section.problem(line, message, hint);
                }
                Party::Agent(_) | Party::Outside(_) => {}
            }
            members.push(who);
        }
        members
    }

    fn hours(&self, section: &mut Section) -> Option<model::Hours> {
        let At { value: name, line } = section.string("hours")?;
        let found = self.known.hours.get(&name);
        if found.is_none() {
            let known = self.known.hours.keys().cloned().collect::<Vec<_>>().join(", ");
            let message = text!("there are no hours {name:?}", "没有名为 {name:?} 的营业时间");
            let hint = text!("the hours of hours.toml are: {known}", "hours.toml 中现有：{known}");
            section.problem(line, message, hint);
        }
        found.cloned()
    }

    fn instead(&mut self, section: &mut Section, key: &'static str) -> Instead {
        let Some(At { value, line }) = section.parsed::<Instead>(key) else { return Instead::default() };
        match &value {
            Instead::Back => {}
            Instead::Extension(extension) => self.named.push(At { value: extension.clone(), line }),
            Instead::Queue(queue) => {
                if let Some(known) = self.known.queues.filter(|known| !known.contains(queue)) {
                    no_queue(section, line, queue, known);
                }
            }
            Instead::Message(prompt) => {
                for clip in Language::ALL.map(|language| format!("{language}/{prompt}")) {
                    if !(self.known.has_clip)(&clip) {
                        let hint = text!("put prompts/{clip}.wav there", "请放入 prompts/{clip}.wav");
                        section.problem(line, text!("there is no prompt {clip}", "缺少语音 {clip}"), hint);
                    }
                }
            }
        }
        value
    }

    /// Judges what can be judged once all entries are read.
    fn finish(self, file: &Section) -> Listed {
        for At { value: extension, line } in &self.named {
            if !self.entries.contains_key(extension) {
                let known = self.entries.keys().map(Number::as_str).collect::<Vec<_>>().join(", ");
                let message =
                    text!("there is no extension {extension} here", "此文件中没有分机号 {extension}");
                file.problem(*line, message, text!("the extensions are: {known}", "现有分机号：{known}"));
            }
        }
        let directory = Directory::new(self.entries);
        if let Some(extension) = directory.round() {
            let line = self.lines.get(extension).copied().unwrap_or(0);
            let message = text!(
                "from {extension} deputies and what follows lead back to {extension}",
                "从 {extension} 出发，代理人和后续去向又回到 {extension}"
            );
            let hint = text!("let one of them lead elsewhere", "请让其中一个通往别处");
            file.problem(line, message, hint);
        }
        Listed { directory, lines: self.lines }
    }
}

/// What is dialled for an entry, by callers' keys too: 2 to 10 digits.
struct Extension(Number);

/// A text that is none.
#[derive(Debug)]
struct NoExtension;

impl fmt::Display for NoExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("2 to 10 digits")
    }
}

impl FromStr for Extension {
    type Err = NoExtension;

    fn from_str(text: &str) -> Result<Extension, NoExtension> {
        let is_extension = (2..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_extension).map(Extension).ok_or(NoExtension)
    }
}
