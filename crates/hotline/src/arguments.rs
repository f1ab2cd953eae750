//! What can be typed, as it is typed.

mod qa;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hotline::config;
use hotline::shown::log::LogFormat;
use hotline::signalling::Listener;
use model::{AgentId, ContactId, Number, QueueName, RecordingId};
use store::Role;

use crate::calling::Call;
use crate::place::Typed;

pub(crate) use qa::{Qa, Sample};

/// Hotline, the open call center. 开放呼叫中心
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Typed,
    /// What log lines look like: text or json; HOTLINE_LOG_FORMAT says so too 日志格式
    #[arg(long, global = true, value_name = "text|json")]
    pub(crate) log_format: Option<LogFormat>,
    #[command(subcommand)]
    pub(crate) command: Option<Verb>,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// See a center at work with simulated customers and agents 演示
    Demo {
        /// Customers who call 来电客户数
        #[arg(long, default_value_t = 20)]
        calls: u32,
        /// Agents who answer, at most 1,000 应答座席数
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000))]
        agents: u32,
        /// How long customers keep coming 客户持续来电的秒数
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
    /// The prompts 语音
    #[command(subcommand)]
    Prompts(AboutPrompts),
    /// Try all that a center needs, and estimate how many recorded calls this machine carries 检查环境并估算容量
    Doctor {
        #[command(flatten)]
        listen: Listen,
        /// One JSON object 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// A softphone in this terminal, for the first call 终端软电话
    Phone(Box<hotline::phone::Options>),
    /// List contacts 列出来电
    Contacts {
        #[command(flatten)]
        listing: Listing,
        #[command(subcommand)]
        about: Option<AboutContacts>,
    },
    /// Call a customer, for an agent 外呼客户
    Call(Call),
    /// List recordings 列出录音
    Recordings {
        #[command(flatten)]
        listing: Listing,
        #[command(subcommand)]
        about: Option<AboutRecordings>,
    },
    /// List agents 列出座席
    Agents {
        #[command(flatten)]
        listing: Listing,
        #[command(subcommand)]
        about: Option<AboutAgents>,
    },
    /// List queues 列出队列
    Queues(Listing),
    /// List trunks as the running center sees them: registration, gateways, calls 列出中继状态
    Trunks {
        /// One JSON array of objects 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// List departments, branches and persons as the running center sees them: open, who is there 列出部门目录
    Directory {
        /// One JSON array of objects 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// Change an agent's state 更改座席状态
    Agent {
        /// ready or break 就绪或小休
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
    /// Have the running center read its configuration and prompts anew; a fault changes nothing 重新载入配置
    Reload {
        /// Only check the files and show what would change 只检查并列出变化
        #[arg(long)]
        dry_run: bool,
        /// One JSON object 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// Erase recordings that the rules keep no longer 按规则删除过期录音
    Retention {
        /// Only list them 只列出
        #[arg(long)]
        dry_run: bool,
        /// One JSON array of objects 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy database, keys, configuration and prompts to a new folder; the center may run 备份
    Backup {
        /// A new or empty folder; it will hold keys and personal data 备份目录
        dir: PathBuf,
        /// The recordings too (`--recordings` names their folder) 同时备份录音
        #[arg(long)]
        with_recordings: bool,
    },
    /// Put a backup back where nothing is; stop the center first 恢复备份
    Restore {
        /// The backup's folder 备份目录
        dir: PathBuf,
        /// Read everything back and compare 恢复后核对
        #[arg(long)]
        verify: bool,
    },
    /// Keep a contact's recordings whatever the rules say 法律保全
    #[command(subcommand)]
    LegalHold(LegalHold),
    /// What the running center said in SIP 信令
    #[command(subcommand)]
    Sip(Sip),
    /// API tokens 接口令牌
    #[command(subcommand)]
    Token(Token),
    /// Keys that encrypt recordings 录音加密密钥
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Subcommand)]
pub(crate) enum Sip {
    /// Show the last messages, secrets masked 显示最近的信令（敏感内容已遮蔽）
    Trace(Trace),
}

#[derive(Args)]
pub(crate) struct Trace {
    #[command(flatten)]
    pub(crate) which: Traced,
    /// Write a capture for Wireshark instead of printing 写成抓包文件
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
}

/// Which messages: one of these.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Traced {
    /// Of a contact: the customer's and those with agents 某次来电
    #[arg(long, value_name = "ID")]
    pub(crate) contact: Option<ContactId>,
    /// Of calls from this number 某主叫号码
    #[arg(long, value_name = "NUMBER")]
    pub(crate) from: Option<Number>,
    /// The last N, at most 10,000 最近 N 条
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) last: Option<u32>,
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key, for `encryption_key` in hotline.toml 创建密钥
    New {
        /// A new file; keep a copy of it where the recordings are not 密钥文件，请另行备份
        file: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum LegalHold {
    /// Hold 设置保全
    Set(Word),
    /// Let the rules apply again 解除保全
    Clear(Word),
}

#[derive(Args)]
pub(crate) struct Word {
    /// The contact's id 联系编号
    pub(crate) contact: ContactId,
    /// Why 原因
    #[arg(long)]
    pub(crate) reason: String,
    /// On whose word 责任人
    #[arg(long)]
    pub(crate) person: String,
}

#[derive(Args, Default)]
pub(crate) struct Listen {
    /// SIP, UDP and TCP; several with commas between SIP 监听地址，可用逗号分隔多个
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub(crate) sip: Vec<SocketAddr>,
    /// HTTP 监听地址
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) http: Option<SocketAddr>,
    /// RTP ports RTP 端口
    #[arg(long, value_name = "FIRST-LAST")]
    pub(crate) rtp: Option<config::Ports>,
}

impl Listen {
    /// What was typed goes before what the file says.
    pub(crate) fn apply(self, server: &mut config::Server) {
        if !self.sip.is_empty() {
            server.sip = self.sip.into_iter().map(|bind| advertised_as_before(bind, &server.sip)).collect();
        }
        server.http = self.http.unwrap_or(server.http);
        server.rtp = self.rtp.unwrap_or_else(|| server.rtp.clone());
    }
}

/// The address that peers get for this listener: the one of its own line, otherwise the first one of its IP version.
fn advertised_as_before(bind: SocketAddr, written: &[Listener]) -> Listener {
    let alike = |listener: &&Listener| listener.bind.is_ipv4() == bind.is_ipv4();
    let same = written.iter().find(|listener| listener.bind == bind);
    let advertised = same.or_else(|| written.iter().find(alike)).and_then(|listener| listener.advertised);
    Listener { bind, advertised }
}

#[derive(Args)]
pub(crate) struct Listing {
    /// One JSON array of objects 输出 JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The most rows to print 最多行数
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
}

#[derive(Subcommand)]
pub(crate) enum AboutContacts {
    /// Print all that happened in one contact, in order 按时间列出一次联系的全部事件
    Show {
        /// The contact's id 联系编号
        id: ContactId,
        /// One JSON array of objects, as the API gives them 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// Move the customer of a conversation, or consult with a view to it 转接、咨询、保持、驻留
    Move {
        /// The contact's id 联系编号
        id: ContactId,
        /// What 操作
        what: MoveVerb,
        #[command(flatten)]
        to: MoveTarget,
    },
    /// Ring a seat, to have the customer who is parked in a slot 取回驻留的通话
    PickUp {
        /// The slot 驻留位
        slot: u16,
        /// The agent whose seat rings 座席
        seat: AgentId,
    },
}

/// As the API's paths have them.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum MoveVerb {
    /// The customer hears music 保持
    Hold,
    /// Customer and agent hear each other again 取回
    Retrieve,
    /// Ring somebody to speak with in private 咨询
    Consult,
    /// Speak with the other of the two 切换
    Swap,
    /// All three speak 三方通话
    Join,
    /// End the consultation 结束咨询
    Return,
    /// Whom the agent consults gets the customer 完成转接
    Complete,
    /// Give the customer away 转接
    Transfer,
    /// The customer waits in a slot 驻留
    Park,
}

/// To whom; for `consult` and `transfer`.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct MoveTarget {
    /// An agent 座席
    #[arg(long)]
    pub(crate) agent: Option<AgentId>,
    /// A queue 队列
    #[arg(long)]
    pub(crate) queue: Option<QueueName>,
    /// A node of the contact's flow 流程节点
    #[arg(long)]
    pub(crate) node: Option<String>,
    /// A number outside 外线号码
    #[arg(long)]
    pub(crate) number: Option<Number>,
    /// An extension of the directory 部门目录分机号
    #[arg(long)]
    pub(crate) extension: Option<Number>,
}

#[derive(Subcommand)]
pub(crate) enum AboutRecordings {
    /// Print the public key that proves the manifests 输出清单公钥
    Key,
    /// Bring back recordings that the database lost, from manifests and files; stop the center first 恢复数据库缺失的录音记录
    Adopt {
        /// Only list them 只列出
        #[arg(long)]
        dry_run: bool,
        /// One JSON array of objects 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// Write one to a file, decrypted if it was encrypted 导出（解密）录音
    Export {
        /// The recording's id 录音编号
        id: RecordingId,
        /// A new file 目标文件
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum AboutPrompts {
    /// Say which clips are missing, too quiet, clipped, too long 检查录音：缺失、过轻、削波、过长
    Check,
}

#[derive(Subcommand)]
pub(crate) enum AboutAgents {
    /// Give an agent a password, kept as hashes: from standard input, or made and printed 设置座席密码（只存哈希）
    SetPassword {
        /// The agent's id 工号
        id: AgentId,
        /// Make one and print it 自动生成并显示
        #[arg(long)]
        generate: bool,
    },
}

#[derive(Args)]
pub(crate) struct Proof {
    /// Check this folder against its manifests, without a database; more for a fallback's files 离线核对目录
    #[arg(long, value_name = "DIR", requires = "public_key")]
    pub(crate) folder: Vec<PathBuf>,
    /// The public key, from `hotline recordings key` 公钥文件
    #[arg(long, value_name = "FILE", requires = "folder")]
    pub(crate) public_key: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Token {
    /// Make a token; it is printed once 创建令牌
    Create {
        /// What it may do 角色
        #[arg(long)]
        role: Role,
        /// A name for the audit trail 名称，用于审计
        #[arg(long)]
        name: Option<String>,
        /// For the role agent: which; for supervisor: whose queues are led 座席工号，班组长则为其队列
        #[arg(long)]
        agent: Option<AgentId>,
    },
}
