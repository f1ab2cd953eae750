//! The directory: departments, branches and persons by the extension that is dialled for each, and who takes a call to one.
//!
//! ```text
//!            open: members in turn, then the deputy's, and that one's deputy's …      none took it: `unanswered`
//! extension ───────────────────────────────────────────────────────────────────────► back, another extension,
//!     └────────────────────────────────────────────────────────────────────────────►  a queue, a message
//!            closed: `closed`
//! ```
//!
//! Where a call goes is worked out once, at its beginning, as a [`Course`]: a pure function of time. It ends, whatever the
//! entries say: no extension is followed twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{Hours, Number, Party, QueueName, Time, Zone};

/// What an entry of the directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryKind {
    /// 部门.
    Department,
    /// 分公司.
    Branch,
    /// 个人.
    Person,
}

impl DirectoryKind {
    /// Its name in configuration and API.
    pub const fn name(self) -> &'static str {
        match self {
            DirectoryKind::Department => "department",
            DirectoryKind::Branch => "branch",
            DirectoryKind::Person => "person",
        }
    }
}

/// One entry of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// What it is.
    pub kind: DirectoryKind,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// Who takes its calls, in the order in which they ring.
    pub members: Vec<Party>,
    /// When; `None`: always.
    pub hours: Option<Hours>,
    /// How long each member rings.
    pub ring: Duration,
    /// The extension of those who take its calls when no member does, if that one is open.
    pub deputy: Option<Number>,
    /// What follows outside of its hours.
    pub closed: Instead,
    /// What follows when neither members nor deputies take the call.
    pub unanswered: Instead,
    /// Whether callers reach it by pressing its extension.
    pub is_public: bool,
}

/// What follows when an entry takes no call. As text `back`, `extension 6001`, `queue inquiry` or `message closed-sales`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Instead {
    /// Back to who gave the customer away, or to the flow.
    #[default]
    Back,
    /// To another entry.
    Extension(Number),
    /// Into a queue.
    Queue(QueueName),
    /// The customer hears this prompt, and the call ends.
    Message(String),
}

/// All entries by extension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory(BTreeMap<Number, DirectoryEntry>);

/// Who is tried for a call, one after the other, and what comes then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Course {
    /// In this order.
    pub tries: VecDeque<Try>,
    /// When none of them took it.
    pub end: CourseEnd,
    /// Nobody is tried because it is outside of hours.
    pub is_closed: bool,
}

/// One who rings for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Who.
    pub who: Party,
    /// How long.
    pub ring: Duration,
}

/// What comes of a call that nobody took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CourseEnd {
    /// Back to who gave the customer away, or to the flow.
    #[default]
    Back,
    /// Into a queue.
    Queue(QueueName),
    /// The customer hears this prompt, and the call ends.
    Message(String),
}

impl Directory {
    /// Those entries.
    pub fn new(entries: BTreeMap<Number, DirectoryEntry>) -> Directory {
        Directory(entries)
    }

    /// The entry of an extension.
    pub fn get(&self, extension: &Number) -> Option<&DirectoryEntry> {
        self.0.get(extension)
    }

    /// All entries in the order of their extensions.
    pub fn iter(&self) -> impl Iterator<Item = (&Number, &DirectoryEntry)> {
        self.0.iter()
    }

    /// Who is tried for a call to this extension that begins now; `None` for no extension of the directory.
    pub fn course(&self, extension: &Number, zone: &Zone, now: Time) -> Option<Course> {
        let mut entry = self.get(extension)?;
        let mut followed = BTreeSet::from([extension]);
        let mut course = Course { tries: VecDeque::new(), end: CourseEnd::Back, is_closed: false };
        loop {
            let instead = if entry.is_open(zone, now) {
                self.add_members(&mut course, entry, zone, now);
                &entry.unanswered
            } else {
                &entry.closed
            };
            course.is_closed = course.tries.is_empty();
            course.end = match instead {
                Instead::Back => CourseEnd::Back,
                Instead::Queue(queue) => CourseEnd::Queue(queue.clone()),
                Instead::Message(prompt) => CourseEnd::Message(prompt.clone()),
                Instead::Extension(next) => match self.get(next).filter(|_| followed.insert(next)) {
                    Some(next) => {
                        entry = next;
                        continue;
                    }
                    None => CourseEnd::Back,
                },
            };
            return Some(course);
        }
    }

    /// The members of an entry and of its deputies, each once.
    fn add_members(&self, course: &mut Course, entry: &DirectoryEntry, zone: &Zone, now: Time) {
        let mut followed = BTreeSet::new();
        let mut next = Some(entry);
        while let Some(entry) = next {
            for who in &entry.members {
                if !course.tries.iter().any(|before| before.who == *who) {
                    course.tries.push_back(Try { who: who.clone(), ring: entry.ring });
                }
            }
            let deputy = entry.deputy.as_ref().filter(|deputy| followed.insert(*deputy));
            next = deputy.and_then(|deputy| self.get(deputy)).filter(|deputy| deputy.is_open(zone, now));
        }
    }

    /// An extension from which following deputies and what comes instead leads back to it.
    pub fn round(&self) -> Option<&Number> {
        self.0.keys().find(|start| {
            let (mut seen, mut to_visit) = (BTreeSet::new(), vec![*start]);
            while let Some(at) = to_visit.pop() {
                for next in self.get(at).into_iter().flat_map(DirectoryEntry::leads_to) {
                    if next == *start {
                        return true;
                    }
                    if seen.insert(next) {
                        to_visit.push(next);
                    }
                }
            }
            false
        })
    }
}

impl DirectoryEntry {
    /// True within its hours.
    pub fn is_open(&self, zone: &Zone, at: Time) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.are_open(zone, at))
    }

    /// When it opens next, if it is closed, or closes, if it is open; `None` when it never does.
    pub fn next_change(&self, zone: &Zone, at: Time) -> Option<Time> {
        self.hours.as_ref().and_then(|hours| hours.next_change(zone, at))
    }

    /// The extensions that it may lead to.
    fn leads_to(&self) -> impl Iterator<Item = &Number> {
        [&self.closed, &self.unanswered].into_iter().filter_map(Instead::extension).chain(&self.deputy)
    }
}

impl Instead {
    /// The extension, if it is one.
    pub fn extension(&self) -> Option<&Number> {
        match self {
            Instead::Extension(extension) => Some(extension),
            Instead::Back | Instead::Queue(_) | Instead::Message(_) => None,
        }
    }
}

/// The course to one who rings for this long.
impl From<Try> for Course {
    fn from(only: Try) -> Course {
        Course { tries: [only].into(), end: CourseEnd::Back, is_closed: false }
    }
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instead::Back => f.write_str("back"),
            Instead::Extension(extension) => write!(f, "extension {extension}"),
            Instead::Queue(queue) => write!(f, "queue {queue}"),
            Instead::Message(prompt) => write!(f, "message {prompt}"),
        }
    }
}

/// A text that says nothing that could follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoInstead;

impl fmt::Display for NoInstead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"back\", \"extension 6001\", \"queue inquiry\" or \"message PROMPT\"")
    }
}

impl std::error::Error for NoInstead {}

impl FromStr for Instead {
    type Err = NoInstead;

    fn from_str(text: &str) -> Result<Instead, NoInstead> {
        match text.split_once(' ') {
            None if text == "back" => Ok(Instead::Back),
            Some(("extension", number)) => number.parse().map(Instead::Extension).map_err(|_| NoInstead),
            Some(("queue", name)) => name.parse().map(Instead::Queue).map_err(|_| NoInstead),
            Some(("message", prompt)) if !prompt.trim().is_empty() => {
                Ok(Instead::Message(prompt.trim().to_owned()))
            }
            Some(_) | None => Err(NoInstead),
        }
    }
}

#[cfg(test)]
mod tests;
