//! The command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use hotline::config::{self, Configuration};
use hotline::serve::{self, Folders};
use hotline::{clock, control, demo, listings, load, vault};
use model::{AgentId, ContactId, QueueName, RecordingId};
use store::{ContactFilter, PublicKeys, RecordingFilter, Role, SigningKey, Store};

/// Media threads hand audio to recording threads, which free it: with the system's allocator they wait for each other's
/// lock, and for the lock of the whole address space whenever a thread's heap grows.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Hotline, the open call center. 开放呼叫中心
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Option<Verb>,
}

#[derive(Args)]
struct Place {
    /// Folder of the configuration 配置目录
    #[arg(long, global = true, default_value = "config", value_name = "DIR")]
    config: PathBuf,
    /// Folder of database and state 数据目录
    #[arg(long, global = true, default_value = "var", value_name = "DIR")]
    data: PathBuf,
    /// Folder of the recordings 录音目录
    #[arg(long, global = true, default_value = "recordings", value_name = "DIR")]
    recordings: PathBuf,
    /// Folder of the prompts; default: beside the configuration 语音目录
    #[arg(long, global = true, value_name = "DIR")]
    prompts: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Verb {
    /// See a center at work with simulated customers and agents 演示
    Demo {
        /// Customers who call
        #[arg(long, default_value_t = 20)]
        calls: u32,
        /// Agents who answer, at most 1,000
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000))]
        agents: u32,
        /// How long customers keep coming
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        seconds: u64,
    },
    /// Run the center 启动呼叫中心
    Serve(Listen),
    /// Call any SIP system with simulated customers and agents, and check what each hears 负载测试
    Load(Box<load::Options>),
    /// Check all configuration 检查配置
    Check {
        /// Run the flow tests too 同时运行流程测试
        #[arg(long)]
        flow_tests: bool,
    },
    /// List contacts 列出来电
    Contacts(Listing),
    /// List recordings 列出录音
    Recordings {
        #[command(flatten)]
        listing: Listing,
        #[command(subcommand)]
        about: Option<AboutRecordings>,
    },
    /// List agents 列出座席
    Agents(Listing),
    /// List queues 列出队列
    Queues(Listing),
    /// Change an agent's state 更改座席状态
    Agent {
        /// ready or break
        #[arg(value_parser = ["ready", "break"])]
        state: String,
        /// The agent's id 工号
        id: AgentId,
    },
    /// Quality control 质检
    #[command(subcommand)]
    Qa(Qa),
    /// Compare recordings' rows and files; with --folder, files and signed manifests 核对录音
    Verify(Proof),
    /// Erase recordings that the rules keep no longer 按规则删除过期录音
    Retention {
        /// Only list them 只列出
        #[arg(long)]
        dry_run: bool,
        /// One JSON array of objects
        #[arg(long)]
        json: bool,
    },
    /// Keep a contact's recordings whatever the rules say 法律保全
    #[command(subcommand)]
    LegalHold(LegalHold),
    /// API tokens 接口令牌
    #[command(subcommand)]
    Token(Token),
    /// Keys that encrypt recordings 录音加密密钥
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Subcommand)]
enum Keys {
    /// Make a key, for `encryption_key` in hotline.toml 创建密钥
    New {
        /// A new file; keep a copy of it where the recordings are not 密钥文件，请另行备份
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum LegalHold {
    /// Hold 设置保全
    Set(Word),
    /// Let the rules apply again 解除保全
    Clear(Word),
}

#[derive(Args)]
struct Word {
    /// The contact's id 联系编号
    contact: ContactId,
    /// Why 原因
    #[arg(long)]
    reason: String,
    /// On whose word 责任人
    #[arg(long)]
    person: String,
}

#[derive(Args, Default)]
struct Listen {
    /// SIP, UDP and TCP
    #[arg(long, value_name = "ADDR:PORT")]
    sip: Option<SocketAddr>,
    /// HTTP
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// RTP ports
    #[arg(long, value_name = "FIRST-LAST")]
    rtp: Option<config::Ports>,
}

#[derive(Args)]
struct Listing {
    /// One JSON array of objects
    #[arg(long)]
    json: bool,
    /// At most so many rows
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Subcommand)]
enum AboutRecordings {
    /// Print the public key that proves the manifests 输出清单公钥
    Key,
    /// Write one to a file, decrypted if it was encrypted 导出（解密）录音
    Export {
        /// The recording's id 录音编号
        id: RecordingId,
        /// A new file 目标文件
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

#[derive(Args)]
struct Proof {
    /// Check this folder against its manifests, without a database; more for a fallback's files 离线核对目录
    #[arg(long, value_name = "DIR", requires = "public_key")]
    folder: Vec<PathBuf>,
    /// The public key, from `hotline recordings key` 公钥文件
    #[arg(long, value_name = "FILE", requires = "folder")]
    public_key: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Qa {
    /// Draw a random sample of recorded contacts 随机抽样
    Sample {
        /// From this queue
        #[arg(long)]
        queue: QueueName,
        /// So many
        #[arg(long)]
        count: usize,
        /// The same seed gives the same sample
        #[arg(long)]
        seed: u64,
        /// One JSON array of objects
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum Token {
    /// Make a token; it is printed once 创建令牌
    Create {
        /// What it may do
        #[arg(long)]
        role: Role,
        /// A name for the audit trail
        #[arg(long)]
        name: Option<String>,
        /// For the role agent: which
        #[arg(long)]
        agent: Option<AgentId>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Log lines would tear the demo's board.
    let level = if matches!(cli.command, Some(Verb::Demo { .. })) { "error" } else { "info,sqlx=warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(error).with_context(|| "start the runtime"),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("hotline: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { place, command } = cli;
    match command.unwrap_or(Verb::Serve(Listen::default())) {
        Verb::Serve(listen) => serve(&place, listen).await,
        Verb::Demo { calls, agents, seconds } => {
            demo::run(place.load(false)?, &place.data, demo::Scale { calls, agents, seconds }).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Load(options) => {
            let run = tokio::task::spawn_blocking(move || load::run(*options));
            let good = run.await.with_context(|| "run the load")??;
            Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Verb::Check { flow_tests } => check(&place, flow_tests),
        Verb::Contacts(listing) => {
            let filter = ContactFilter { limit: listing.limit, ..ContactFilter::default() };
            let rows = place.store().await?.contacts(&filter).await?;
            let columns =
                ["id", "caller", "number", "language", "queue", "agent", "started_at", "ended_at", "end"];
            listings::print(&rows, listing.json, &columns).map(|()| ExitCode::SUCCESS)
        }
        Verb::Recordings { about: Some(AboutRecordings::Key), .. } => {
            let key = SigningKey::open(&place.data).with_context(|| "read the key of the recordings")?;
            print!("{}", key.public_pem());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Recordings { about: Some(AboutRecordings::Export { id, to }), .. } => {
            let configuration = place.load(false)?;
            let (keys, folders) =
                (vault::keys(&configuration.server)?, place.recordings_folders(&configuration));
            let bytes = vault::export(&place.store().await?, &folders, &keys, id, &to).await?;
            println!("{}: {bytes} bytes 字节", to.display());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Recordings { listing, about: None } => {
            let filter = RecordingFilter { limit: listing.limit, ..RecordingFilter::default() };
            let rows = place.store().await?.recordings(&filter).await?;
            let columns = ["id", "contact_id", "state", "duration_ms", "path"];
            listings::print(&rows, listing.json, &columns).map(|()| ExitCode::SUCCESS)
        }
        Verb::Agents(listing) => {
            let configuration = place.load(false)?;
            let ids: Vec<AgentId> = configuration.acd.agents.iter().map(|agent| agent.id.clone()).collect();
            let rows = place.store().await?.agents(&ids).await?;
            listings::print(&rows, listing.json, &["id", "shift", "activity", "seat_online", "since"])
                .map(|()| ExitCode::SUCCESS)
        }
        Verb::Queues(listing) => {
            let configuration = place.load(false)?;
            let names: Vec<QueueName> =
                configuration.acd.queues.iter().map(|queue| queue.name.clone()).collect();
            let now = clock::now();
            let minutes = u64::from(now.minute_of_day(configuration.server.utc_offset));
            let day_began = now - std::time::Duration::from_secs(minutes * 60);
            let rows = place.store().await?.queues(&names, day_began, now).await?;
            let columns = ["name", "waiting", "offered", "answered", "abandoned", "service_level"];
            listings::print(&rows, listing.json, &columns).map(|()| ExitCode::SUCCESS)
        }
        Verb::Agent { state, id } => {
            control::agent(&place.data, &id, &state)?;
            println!("{id}: {state}");
            Ok(ExitCode::SUCCESS)
        }
        Verb::Qa(Qa::Sample { queue, count, seed, json }) => sample(&place, &queue, count, seed, json).await,
        Verb::Verify(Proof { folder, public_key: Some(key) }) => prove(&folder, &key),
        Verb::Verify(Proof { public_key: None, .. }) => verify(&place).await,
        Verb::Retention { dry_run, json } => retention(&place, dry_run, json),
        Verb::LegalHold(LegalHold::Set(word)) => legal_hold(&place, &word, ""),
        Verb::LegalHold(LegalHold::Clear(word)) => legal_hold(&place, &word, "/clear"),
        Verb::Keys(Keys::New { file }) => {
            println!("{}: key 密钥 {}", file.display(), vault::new_key(&file)?);
            println!("Without it no recording that it encrypts can be opened: back it up 请妥善备份此密钥");
            Ok(ExitCode::SUCCESS)
        }
        Verb::Token(Token::Create { role, name, agent }) => {
            let now = clock::now();
            let name = name.unwrap_or_else(|| format!("{role}-{}", now.unix_ms()));
            println!("{}", place.store().await?.create_token(&name, role, agent, now).await?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Place {
    fn prompts(&self) -> PathBuf {
        let beside = || self.config.parent().unwrap_or(Path::new("")).join("prompts");
        self.prompts.clone().unwrap_or_else(beside)
    }

    fn load(&self, flow_tests: bool) -> anyhow::Result<Configuration> {
        config::load(&self.config, &self.prompts(), flow_tests).or_else(|problems| {
            for problem in &problems {
                eprintln!("{problem}");
            }
            bail!("the configuration has {} problems 配置有 {} 个问题", problems.len(), problems.len())
        })
    }

    fn recordings_folders(&self, configuration: &Configuration) -> Vec<PathBuf> {
        let folders = Folders { data: self.data.clone(), recordings: self.recordings.clone() };
        serve::recordings_folders(&configuration.server, &folders)
    }

    async fn store(&self) -> anyhow::Result<Store> {
        let url = serve::database_url(&self.load(false)?, &self.data);
        std::fs::create_dir_all(&self.data).with_context(|| format!("create {}", self.data.display()))?;
        Store::open(&url).await.with_context(|| "open the database")
    }
}

async fn serve(place: &Place, listen: Listen) -> anyhow::Result<ExitCode> {
    let mut configuration = place.load(false)?;
    let server = &mut configuration.server;
    server.sip = listen.sip.unwrap_or(server.sip);
    server.http = listen.http.unwrap_or(server.http);
    server.rtp = listen.rtp.unwrap_or_else(|| server.rtp.clone());
    let ports = server.rtp.0.clone();
    let numbers: Vec<String> =
        configuration.routes.iter().map(|(number, route)| format!("{number} ({})", route.language)).collect();
    let folders = Folders { data: place.data.clone(), recordings: place.recordings.clone() };
    let running = serve::start(configuration, &folders).await?;
    println!("Hotline {}", env!("CARGO_PKG_VERSION"));
    println!("  SIP    {}  (UDP, TCP)", running.sip);
    println!("  RTP    {}  ports {}-{}", running.sip.ip(), ports.start(), ports.end());
    println!("  HTTP   http://{}", running.http);
    println!("  Dial   {} 拨打", numbers.join(", "));
    println!("  Next   register a softphone as 1001 (README.md), then dial 下一步：注册座席 1001，再拨打");
    wait_for_signal().await?;
    println!("Draining: no new calls 正在停止：不再接新来电");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn wait_for_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).with_context(|| "listen for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.with_context(|| "listen for SIGINT")?,
    }
    Ok(())
}

fn check(place: &Place, flow_tests: bool) -> anyhow::Result<ExitCode> {
    let configuration = place.load(flow_tests)?;
    vault::keys(&configuration.server)?;
    println!("The configuration is sound 配置正确");
    if flow_tests {
        println!("{} flow tests passed 流程测试通过", configuration.flow_tests.passed);
    }
    Ok(ExitCode::SUCCESS)
}

async fn sample(
    place: &Place,
    queue: &QueueName,
    count: usize,
    seed: u64,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let store = place.store().await?;
    let frame = store.sampling_frame(queue, None).await?;
    let mut rows = Vec::new();
    for contact in desk::sample(&frame, count, seed) {
        rows.extend(store.contact(contact).await?);
    }
    let drawn = rows.len();
    eprintln!("{drawn} of a frame of {} (seed {seed}) 从 {} 条中抽取 {drawn} 条", frame.len(), frame.len());
    listings::print(&rows, json, &["id", "caller", "queue", "agent", "started_at", "recording_id"])?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(place: &Place) -> anyhow::Result<ExitCode> {
    let folders = place.recordings_folders(&place.load(false)?);
    let differences = store::verify(&place.store().await?, &folders).await?;
    for difference in &differences {
        println!("{difference}");
    }
    if differences.is_empty() {
        println!("rows and files agree 记录与文件一致");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Checks folders with nothing but the public key.
fn prove(folders: &[PathBuf], key: &Path) -> anyhow::Result<ExitCode> {
    let keys = PublicKeys::read(key).with_context(|| "read the public key")?;
    let (findings, entries) = store::check(folders, &keys).with_context(|| "read the folder")?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{entries} entries and their files are as they were signed {entries} 条记录与签名一致");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn legal_hold(place: &Place, word: &Word, end: &str) -> anyhow::Result<ExitCode> {
    let Word { contact, reason, person } = word;
    let body = serde_json::json!({ "reason": reason, "person": person }).to_string();
    control::post(&place.data, &format!("contacts/{contact}/legal-hold{end}"), &body)?;
    println!("{contact}: {}", if end.is_empty() { "held 已保全" } else { "let go 已解除" });
    Ok(ExitCode::SUCCESS)
}

/// Has the running center apply the rules: it alone writes the log.
fn retention(place: &Place, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let answer =
        control::post(&place.data, "retention", &serde_json::json!({ "dry_run": dry_run }).to_string())?;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&answer).with_context(|| "read the answer")?;
    let columns =
        ["recording_id", "contact_id", "opened_at", "queue", "rule", "held", "erased", "fault", "path"];
    listings::print(&rows, json, &columns)?;
    let (erased, held) = (count(&rows, "erased"), count(&rows, "held"));
    eprintln!(
        "{} due, {held} held, {erased} erased 到期 {}，保全 {held}，已删除 {erased}",
        rows.len(),
        rows.len()
    );
    let failed = rows.iter().any(|row| row["fault"].is_string());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn count(rows: &[serde_json::Value], flag: &str) -> usize {
    rows.iter().filter(|row| row[flag] == true).count()
}
