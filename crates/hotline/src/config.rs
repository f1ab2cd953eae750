//! Configuration: every file read, every problem of all of them reported at once.

mod clips;
mod dialling;
mod directory;
mod hours;
mod inside;
mod listening;
mod numbers;
mod outbound;
mod people;
mod secrecy;
mod server;
mod tls;
mod trunks;
mod values;
mod written;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use api::Hearing;
use ivr::{Catalogue, flow_test};
use media::Prompts;
use model::{AgentId, Directory, Number, QueueName};
use sip::{Algorithm, Secret};
use text::{Problem, Problems, Section, parse, text};

pub use server::{AT_RESTART, Server};
pub use tls::WebTls;
pub use values::{Difference, Values};
pub use written::{CopyFormat, Origin, Ports, TimeOfDay};

use crate::signalling::{Terms, Trunk};
use crate::system::folders::Folders;
use clips::Clips;
use numbers::Flows;
use values::Texts;

/// Everything that the files say, checked.
pub struct Configuration {
    /// `hotline.toml`.
    pub server: Server,
    /// Queues and agents.
    pub acd: acd::Config,
    /// Agents with what is known of their passwords.
    pub passwords: Vec<(AgentId, Secret)>,
    /// What an agent may answer challenges by, best first.
    pub digests: BTreeMap<AgentId, Vec<Algorithm>>,
    /// What agents' audio may be.
    pub seats: BTreeMap<AgentId, Terms>,
    /// Who may call without a password.
    pub trunks: Vec<Trunk>,
    /// How many calls each trunk may have.
    pub trunk_limits: BTreeMap<String, center::TrunkLimits>,
    /// How long callers may wait in a queue, where that is limited.
    pub longest_waits: BTreeMap<QueueName, Duration>,
    /// Queues in which a contact ends when its agent's leg is lost.
    pub lost_agent_ends: BTreeSet<QueueName>,
    /// Dialled numbers.
    pub routes: BTreeMap<Number, center::Route>,
    /// Codes that agents dial.
    pub feature_codes: BTreeMap<Number, center::FeatureCode>,
    /// Codes that agents type during a conversation.
    pub typed_codes: BTreeMap<String, center::TypedCode>,
    /// What agents dial to reach a queue.
    pub extensions: BTreeMap<Number, QueueName>,
    /// Who may call which number outside.
    pub dialling: center::DialPlan,
    /// Departments, branches and persons.
    pub directory: Directory,
    /// How customers are called.
    pub outbound: center::Outbound,
    /// The clips.
    pub prompts: Arc<Prompts>,
    /// How many flow tests were run, when they were asked for.
    pub flow_tests: flow_test::Tally,
    /// Every value as the files have it.
    pub values: Values,
    /// Remarks: settings that are allowed but probably not meant.
    pub warnings: Vec<Problem>,
}

impl Configuration {
    /// Agents who still have the password of the sample files.
    pub fn sample_passwords(&self) -> Vec<&AgentId> {
        let realm = self.server.realm.as_str();
        let sample =
            |(id, secret): &&(AgentId, Secret)| secret.is(&format!("sample-{id}"), id.as_str(), realm);
        self.passwords.iter().filter(sample).map(|(id, _)| id).collect()
    }

    /// All agents.
    pub fn agent_ids(&self) -> Vec<AgentId> {
        self.acd.agents.iter().map(|agent| agent.id.clone()).collect()
    }

    /// What supervisors may hear.
    pub fn hearing(&self) -> Hearing {
        let agents = self.acd.agents.iter();
        let queues = agents.map(|agent| (agent.id.clone(), agent.queues.clone())).collect();
        Hearing { supervisors: self.server.supervisors_hear, queues }
    }

    /// What agents alone dial: feature codes, each other, extensions of queues and of the directory, parking slots.
    pub fn inside_numbers(&self) -> BTreeSet<Number> {
        let slots = self.server.parking.slots.clone().map(|slot| slot.to_string());
        let agents = self.acd.agents.iter().map(|agent| agent.id.to_string());
        let of_names = slots.chain(agents).filter_map(|name| name.parse().ok());
        let of_names = of_names.chain(self.directory.iter().map(|(extension, _)| extension.clone()));
        of_names.chain(self.feature_codes.keys().chain(self.extensions.keys()).cloned()).collect()
    }

    /// The URL of the database; SQLite in the data folder unless the file says otherwise.
    pub fn database_url(&self, folders: &Folders) -> String {
        let default = || format!("sqlite:{}", folders.data.join("hotline.db").display());
        self.server.database.clone().unwrap_or_else(default)
    }

    /// The folders that recordings may lie in.
    pub fn recordings_folders(&self, folders: &Folders) -> Vec<PathBuf> {
        [Some(&folders.recordings), self.server.recordings_fallback.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// All queues.
    pub fn queue_names(&self) -> Vec<QueueName> {
        self.acd.queues.iter().map(|queue| queue.name.clone()).collect()
    }
}

/// The folders that the configuration is read from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The folder of the configuration.
    pub config: &'a Path,
    /// The folder of the prompts.
    pub prompts: &'a Path,
    /// Where decoded clips may be kept for the next start.
    pub clips: Option<&'a Path>,
}

/// Reads and checks the configuration.
///
/// # Errors
/// Every problem of every file: what is wrong with files as a whole first, then in the order of file and line.
pub fn load(sources: Sources<'_>, flow_tests: bool) -> Result<Configuration, Vec<Problem>> {
    let problems = Problems::default();
    let read = read_all(sources, flow_tests, &problems);
    match read {
        Some(configuration) if problems.count() == 0 => Ok(configuration),
        Some(_) | None => Err(problems.into_sorted()),
    }
}

fn read_all(sources: Sources<'_>, flow_tests: bool, problems: &Problems) -> Option<Configuration> {
    let dir = sources.config;
    let texts = Texts::default();
    let open = |name: &str| open(dir, name, &texts, problems);
    let clips = Clips::load(sources);
    // References to queues are checked only if `queues.toml` could be read.
    let read = open("queues.toml").map(people::queues);
    let names =
        read.as_ref().map(|read| read.queues.iter().map(|queue| queue.name.clone()).collect::<Vec<_>>());
    let names = names.as_deref();
    let server = open("hotline.toml").map(|file| server::read(file, names));
    let of_all = |server: &Server| people::OfAll {
        srtp: server.srtp,
        realm: server.realm.clone(),
        digest: server.digest.clone(),
    };
    let of_all = server.iter().flatten().next().map(of_all).unwrap_or_default();
    let srtp = of_all.srtp;
    let spoken = server.iter().flatten().find_map(|server| server.sip_tls.as_ref());
    let agents = open("agents.toml").map(|file| people::agents(file, names, &of_all));
    let trunks = open("trunks.toml").map(|file| trunks::read(file, srtp, spoken));
    let ids =
        agents.iter().flat_map(|agents| &agents.agents).map(|agent| agent.id.clone()).collect::<Vec<_>>();
    let has_clip = |clip: &str| clips.has(clip);
    // A center that calls nobody outside, or has no departments, needs no such files.
    let open_if_there = |name: &str| dir.join(name).exists().then(|| open(name)).flatten();
    let holidays = open_if_there("holidays.toml").map(hours::holidays).unwrap_or_default();
    let hours = open_if_there("hours.toml").map(|file| hours::read(file, &Arc::new(holidays)));
    let hours = hours.unwrap_or_default();
    let known = dialling::Known {
        agents: agents.as_ref().map(|_| ids.as_slice()),
        queues: names,
        trunks: trunks.as_ref().map(|(trunks, _)| trunks.as_slice()),
        hours: &hours,
        has_clip: &has_clip,
    };
    let (plan, outbound) =
        open_if_there("dialling.toml").map(|file| dialling::read(file, &known)).unwrap_or_default();
    let known = directory::Known {
        agents: known.agents,
        queues: names,
        hours: &hours,
        plan: &plan,
        has_clip: &has_clip,
    };
    let listed = open_if_there("directory.toml").map(|file| directory::read(file, &known));
    let listed = listed.unwrap_or_default();
    let catalogue = Catalogue {
        has_clip: &has_clip,
        queues: names,
        extensions: Some(&listed.lines.keys().cloned().collect::<Vec<_>>()),
    };
    let (flows, tally) = load_flows((&dir.join("flows"), &texts), &catalogue, flow_tests, problems);
    let mut warnings = clips.judge(problems);
    let numbers = open("numbers.toml").map(|file| numbers::read(file, &flows, &ids));
    let taken = inside::taken(server.iter().flatten().next(), &ids, read.as_ref(), numbers.as_ref());
    inside::check_directory(dir, &listed, &taken, problems);
    let people::Agents { agents, passwords, digests, seats } = agents?;
    warnings.extend(unserved(dir, &agents, names.unwrap_or_default()));
    let numbers::Numbers { routes, feature_codes, typed_codes } = numbers?;
    let (trunks, trunk_limits) = trunks?;
    let people::Queues { queues, longest_waits, lost_agent_ends, extensions } = read?;
    let server = server??;
    warnings.extend(secrecy::unprotected(dir, &server, &seats, &trunks));
    inside::check(dir, &server.parking, (&agents, &extensions), (&routes, &feature_codes), problems);
    Some(Configuration {
        server,
        acd: acd::Config { queues, agents },
        passwords,
        digests,
        seats,
        trunks,
        trunk_limits,
        longest_waits,
        lost_agent_ends,
        routes,
        feature_codes,
        typed_codes,
        extensions,
        dialling: plan,
        outbound,
        directory: listed.directory,
        prompts: Arc::new(clips.prompts),
        flow_tests: tally,
        values: texts.into_values(),
        warnings,
    })
}

fn open(dir: &Path, name: &str, texts: &Texts, problems: &Problems) -> Option<Section> {
    let path = dir.join(name);
    let source = read_file(&path, problems)?;
    texts.add(name, &source);
    Some(parse(&path.display().to_string(), &source, problems))
}

fn read_file(path: &Path, problems: &Problems) -> Option<String> {
    let file: Rc<str> = Rc::from(path.display().to_string());
    let bytes = std::fs::read(path).map_err(|error| {
        let hint = text!("--config names the folder of the configuration", "用 --config 指定配置目录");
        problems.add(&file, 0, text!("cannot be read: {error}", "无法读取：{error}"), hint);
    });
    let text = String::from_utf8(bytes.ok()?).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        problems.add(
            &file,
            0,
            text!("is not UTF-8 text, from line {line} on", "第 {line} 行起不是 UTF-8 文本"),
            text!(
                "save it as UTF-8; of a GBK file: iconv -f GBK -t UTF-8 FILE > NEW",
                "请另存为 UTF-8；GBK 文件可用 iconv -f GBK -t UTF-8 转换"
            ),
        );
    });
    // Editors on Windows begin a file with a byte order mark, which is not TOML.
    text.ok().map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn load_flows(
    (dir, texts): (&Path, &Texts),
    catalogue: &Catalogue<'_>,
    flow_tests: bool,
    problems: &Problems,
) -> (Flows, flow_test::Tally) {
    let mut flows = Flows::default();
    let mut tally = flow_test::Tally::default();
    for path in toml_files(dir, problems) {
        let source = read_file(&path, problems);
        if let (Some(name), Some(source)) = (path.file_name(), &source) {
            texts.add(format!("flows/{}", name.display()), source);
        }
        let compiled =
            source.and_then(|source| ivr::compile(&path.display().to_string(), &source, catalogue, problems));
        let Some(flow) = compiled else {
            flows.has_unsound = true;
            continue;
        };
        let flow = Arc::new(flow);
        let tests = path.with_extension("flowtest");
        if flow_tests
            && tests.exists()
            && let Some(source) = read_file(&tests, problems)
        {
            let ran = flow_test::run(&tests.display().to_string(), &source, &flow, problems);
            tally.passed += ran.passed;
            tally.failed += ran.failed;
        }
        flows.sound.insert(flow.name().to_owned(), flow);
    }
    (flows, tally)
}

fn toml_files(dir: &Path, problems: &Problems) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let file: Rc<str> = Rc::from(dir.display().to_string());
            let hint = text!("put the flows there", "请将流程文件放在此处");
            problems.add(&file, 0, text!("cannot be read: {error}", "无法读取：{error}"), hint);
            return Vec::new();
        }
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_flow = |path: &PathBuf| {
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        path.extension().is_some_and(|end| end == "toml") && !is_hidden
    };
    let mut paths: Vec<_> = paths.filter(is_flow).collect();
    paths.sort();
    paths
}

/// Remarks about queues without an agent and agents without a queue. Not errors: the missing one may be added later.
fn unserved(dir: &Path, agents: &[acd::AgentConfig], queues: &[QueueName]) -> Vec<Problem> {
    let warning = |file: &str, message, hint| Problem {
        file: dir.join(file).display().to_string().into(),
        line: 0,
        message,
        hint,
    };
    let served = |queue: &&QueueName| !agents.iter().any(|agent| agent.queues.contains(queue));
    let of_queue = |queue: &QueueName| {
        let message = text!("no agent takes calls of queue {queue}", "队列 {queue} 没有座席");
        warning(
            "queues.toml",
            message,
            text!("name it in queues of an agent", "请在座席的 queues 中加入该队列"),
        )
    };
    let of_agent = |agent: &acd::AgentConfig| {
        let id = &agent.id;
        let message = text!("agent {id} takes calls of no queue", "座席 {id} 不属于任何队列");
        warning("agents.toml", message, text!("queues = [\"...\"]", "请设置 queues"))
    };
    let idle = agents.iter().filter(|agent| agent.queues.is_empty()).map(of_agent);
    queues.iter().filter(served).map(of_queue).chain(idle).collect()
}
