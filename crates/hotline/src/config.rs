//! Configuration: every file read, every problem of all of them reported at once.

mod numbers;
mod people;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ivr::source::{Problem, Problems, Section, parse};
use ivr::{Catalogue, flow_test, text};
use media::Prompts;
use model::{AgentId, Number, QueueName};

pub use server::{CopyFormat, Ports, Server, TimeOfDay};

use crate::signalling::{Terms, Trunk};
use numbers::Flows;

/// Everything that the files say, checked.
pub struct Configuration {
    /// `hotline.toml`.
    pub server: Server,
    /// Queues and agents.
    pub acd: acd::Config,
    /// Agents with their passwords.
    pub passwords: Vec<(AgentId, String)>,
    /// What agents' audio may be.
    pub seats: BTreeMap<AgentId, Terms>,
    /// Who may call without a password.
    pub trunks: Vec<Trunk>,
    /// How many calls each trunk may have.
    pub trunk_limits: BTreeMap<String, center::TrunkLimits>,
    /// How long callers may wait in a queue, where that is limited.
    pub longest_waits: BTreeMap<QueueName, Duration>,
    /// Dialled numbers.
    pub routes: BTreeMap<Number, center::Route>,
    /// Codes that agents dial.
    pub feature_codes: BTreeMap<Number, center::FeatureCode>,
    /// The clips.
    pub prompts: Arc<Prompts>,
    /// How many flow tests were run, when they were asked for.
    pub flow_tests: flow_test::Tally,
}

impl Configuration {
    /// Agents who still have the password of the sample files.
    pub fn sample_passwords(&self) -> Vec<&AgentId> {
        let sample = |(id, password): &&(AgentId, String)| *password == format!("sample-{id}");
        self.passwords.iter().filter(sample).map(|(id, _)| id).collect()
    }

    /// All agents.
    pub fn agent_ids(&self) -> Vec<AgentId> {
        self.acd.agents.iter().map(|agent| agent.id.clone()).collect()
    }

    /// All queues.
    pub fn queue_names(&self) -> Vec<QueueName> {
        self.acd.queues.iter().map(|queue| queue.name.clone()).collect()
    }
}

/// Reads and checks the configuration in `dir`, with the prompts beside it.
///
/// # Errors
/// Every problem of every file, in the order of file and line.
pub fn load(dir: &Path, prompts_dir: &Path, flow_tests: bool) -> Result<Configuration, Vec<Problem>> {
    let problems = Problems::default();
    let read = read_all(dir, prompts_dir, flow_tests, &problems);
    match read {
        Some(configuration) if problems.count() == 0 => Ok(configuration),
        Some(_) | None => Err(problems.into_sorted()),
    }
}

fn read_all(dir: &Path, prompts_dir: &Path, flow_tests: bool, problems: &Problems) -> Option<Configuration> {
    let prompts = load_prompts(prompts_dir, problems);
    let server = open(dir, "hotline.toml", problems).map(server::read);
    let people::Queues { queues, longest_waits } =
        open(dir, "queues.toml", problems).map(people::queues).unwrap_or_default();
    let names: Vec<QueueName> = queues.iter().map(|queue| queue.name.clone()).collect();
    let srtp = server.iter().flatten().next().map(|server| server.srtp).unwrap_or_default();
    let agents = open(dir, "agents.toml", problems).map(|file| people::agents(file, &names, srtp));
    let trunks = open(dir, "trunks.toml", problems).map(|file| people::trunks(file, srtp));
    let (flows, tally) = load_flows(&dir.join("flows"), &prompts, &names, flow_tests, problems);
    let numbers = open(dir, "numbers.toml", problems).map(|file| numbers::read(file, &flows));
    let people::Agents { agents, passwords, seats } = agents?;
    let (routes, feature_codes) = numbers?;
    let (trunks, trunk_limits) = trunks?;
    Some(Configuration {
        server: server??,
        acd: acd::Config { queues, agents },
        passwords,
        seats,
        trunks,
        trunk_limits,
        longest_waits,
        routes,
        feature_codes,
        prompts: Arc::new(prompts),
        flow_tests: tally,
    })
}

fn open(dir: &Path, name: &str, problems: &Problems) -> Option<Section> {
    let path = dir.join(name);
    let source = read_file(&path, problems)?;
    Some(parse(&path.display().to_string(), &source, problems))
}

fn read_file(path: &Path, problems: &Problems) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(source) => Some(source),
        Err(error) => {
            let file: Rc<str> = Rc::from(path.display().to_string());
            problems.add(
                &file,
                0,
                text!("cannot be read: {error}", "无法读取：{error}"),
                text!("--config names the folder of the configuration", "用 --config 指定配置目录"),
            );
            None
        }
    }
}

fn load_prompts(dir: &Path, problems: &Problems) -> Prompts {
    Prompts::load(dir).unwrap_or_else(|errors| {
        let file: Rc<str> = Rc::from(dir.display().to_string());
        for error in errors {
            let hint = text!("replace or remove that file", "请替换或删除该文件");
            problems.add(&file, 0, text!("{error}", "语音文件有问题：{error}"), hint);
        }
        Prompts::empty()
    })
}

fn load_flows(
    dir: &Path,
    prompts: &Prompts,
    queues: &[QueueName],
    flow_tests: bool,
    problems: &Problems,
) -> (Flows, flow_test::Tally) {
    let has_clip = |clip: &str| prompts.contains(clip);
    let catalogue = Catalogue { has_clip: &has_clip, queues };
    let mut flows = Flows::new();
    let mut tally = flow_test::Tally::default();
    for path in toml_files(dir, problems) {
        let Some(source) = read_file(&path, problems) else { continue };
        let Some(flow) = ivr::compile(&path.display().to_string(), &source, &catalogue, problems) else {
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
        flows.insert(flow.name().to_owned(), flow);
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
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    paths.sort();
    paths
}
