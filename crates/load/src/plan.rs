//! Turns the options of the command line into a checked plan.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use sip::{Codec, SrtpSuite, UnknownCodec};

use super::leg::Manner;
use super::net::Weather;

/// How many calls, of what kind, at whom.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The system under test, SIP over UDP 被测系统
    #[arg(long, value_name = "ADDR:PORT")]
    target: SocketAddrV4,
    /// Allow a target beyond this machine; be sure that it is yours 允许本机以外的目标
    #[arg(long)]
    anywhere: bool,
    /// What customers dial 拨打的号码
    #[arg(long, default_value = "8000")]
    number: String,
    /// Keys that customers press after the answer 应答后按键
    #[arg(long, default_value = "", value_name = "KEYS")]
    press: String,
    /// How long after the answer 应答后多久按键
    #[arg(long, default_value_t = 500, value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=60_000))]
    press_after: u64,
    /// Agents who register and answer: a range of ids, or a file with "id password" a line 座席
    #[arg(long, value_name = "FIRST-LAST|FILE")]
    agents: Option<String>,
    /// An agent's password is this and the id 座席密码前缀
    #[arg(long, default_value = "sample-", value_name = "TEXT")]
    password_prefix: String,
    /// Without agents: the system plays each customer's voice back 被测系统回送语音
    #[arg(long, conflicts_with = "agents")]
    echo: bool,
    /// Calls at once 并发通话数
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    calls: u32,
    /// New calls a second at most 每秒新增
    #[arg(long, default_value_t = 10.0, value_name = "CPS")]
    rate: f64,
    /// How long a customer and an agent talk; without agents, how long a call lasts 通话时长
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    hold: f64,
    /// How long new calls begin 持续时间
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_000))]
    seconds: u64,
    /// How long a customer waits for an agent before hanging up, which is a failure 最长等待
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    patience: u64,
    /// The customers' codec 客户编码
    #[arg(long, value_parser = codec(), default_value = "pcma")]
    codec: Codec,
    /// The agents' codec; default: the customers' 座席编码
    #[arg(long, value_parser = codec())]
    agent_codec: Option<Codec>,
    /// All phones speak nothing but SRTP, with keys by SDES; of this suite where the system has it 语音加密
    #[arg(long, value_name = "SUITE", num_args = 0..=1, require_equals = true,
        default_missing_value = "AES_CM_128_HMAC_SHA1_80")]
    srtp: Option<SrtpSuite>,
    /// Packets lost on the way to the system 丢包率
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    loss: f64,
    /// Random delay on the way to the system, at most 抖动
    #[arg(long, default_value_t = 0.0, value_name = "MS")]
    jitter: f64,
    /// Packets that the next one overtakes 乱序率
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    reorder: f64,
    /// How long an agent's phone rings 振铃时长
    #[arg(long, default_value_t = 200, value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=120_000))]
    answer_after: u64,
    /// Threads for audio; default: half of the cores 媒体线程数
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=32))]
    threads: Option<u8>,
    /// Phones that share a port: cheaper, and enough for any system that has a port for each call's leg 共用端口的话机数
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    phones_per_port: u16,
    /// The system's process here, to measure its processor time and memory 被测进程号
    #[arg(long)]
    pid: Option<u32>,
    /// Write the report as JSON 生成 JSON 报告
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as a page with plots 生成网页报告
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Codecs as they are typed.
pub(super) const CODECS: [(&str, Codec); 5] = [
    ("pcmu", Codec::Pcmu),
    ("pcma", Codec::Pcma),
    ("g722", Codec::G722),
    ("opus", Codec::Opus),
    ("l16", Codec::L16Wide),
];

/// Reads one of [`CODECS`].
fn codec() -> impl TypedValueParser<Value = Codec> {
    let named = |name: String| CODECS.into_iter().find(|(typed, _)| *typed == name).map(|(_, codec)| codec);
    let explained = |typed| match typed {
        "l16" => PossibleValue::new(typed).help("Plain samples at 16 kHz, L16/16000 原始采样"),
        _ => PossibleValue::new(typed),
    };
    PossibleValuesParser::new(CODECS.map(|(typed, _)| explained(typed)))
        .try_map(move |name| named(name).ok_or(UnknownCodec))
}

/// The shortest talk, in seconds, in which both surely hear a name of 1.2 s from its beginning to its end.
const SHORTEST_BY_EAR: f64 = 3.0;

/// A checked plan.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) target: SocketAddrV4,
    /// Audio may go beyond this machine.
    pub(super) anywhere: bool,
    /// Our address that the target reaches.
    pub(super) local: IpAddr,
    pub(super) number: String,
    pub(super) press: Vec<u8>,
    pub(super) press_after: Duration,
    /// Ids and passwords.
    pub(super) agents: Vec<(String, String)>,
    pub(super) expects: Expects,
    pub(super) calls: usize,
    pub(super) rate: f64,
    pub(super) hold: Duration,
    pub(super) seconds: Duration,
    pub(super) patience: Duration,
    pub(super) codec: Codec,
    pub(super) agent_codec: Codec,
    /// How both sides of a call know each other.
    pub(super) manner: Manner,
    /// No call without SRTP, best of this suite.
    pub(super) srtp: Option<SrtpSuite>,
    pub(super) weather: Weather,
    pub(super) answer_after: Duration,
    pub(super) threads: usize,
    pub(super) phones_per_port: usize,
    pub(super) pid: Option<u32>,
    pub(super) json: Option<PathBuf>,
    pub(super) html: Option<PathBuf>,
}

/// Whom a customer must hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expects {
    /// One agent, who must hear that customer.
    Agent,
    /// The own voice.
    Echo,
    /// Nobody: the system talks.
    Nobody,
}

impl Options {
    /// Checks everything that was typed.
    pub(super) fn plan(self) -> anyhow::Result<Plan> {
        ensure!(
            self.anywhere || self.target.ip().is_loopback(),
            "{} is not this machine; --anywhere allows it, and whoever is there will be called \
             目标不是本机；确认后请加 --anywhere",
            self.target
        );
        ensure!(
            is_word(&self.number),
            "{:?} is not a number to dial: letters, digits and *#+-_. only",
            self.number
        );
        let agents =
            self.agents.as_deref().map_or(Ok(Vec::new()), |text| agents(text, &self.password_prefix))?;
        let within = |what: &str, value: f64, range: std::ops::RangeInclusive<f64>| {
            ensure!(
                range.contains(&value),
                "--{what} {value} is not in {} to {}",
                range.start(),
                range.end()
            );
            Ok(value)
        };
        let weather = Weather {
            lost: (within("loss", self.loss, 0.0..=100.0)? * 10_000.0) as u64,
            reordered: (within("reorder", self.reorder, 0.0..=100.0)? * 10_000.0) as u64,
            jitter_us: (within("jitter", self.jitter, 0.0..=2_000.0)? * 1_000.0) as u64,
        };
        let expects = match (agents.is_empty(), self.echo) {
            (false, _) => Expects::Agent,
            (true, true) => Expects::Echo,
            (true, false) => Expects::Nobody,
        };
        let (codec, agent_codec) = (self.codec, self.agent_codec.unwrap_or(self.codec));
        let manner = match (codec.is_g711(), agent_codec.is_g711()) {
            (true, true) => Manner::Signs,
            _ if codec == agent_codec => Manner::Stamps,
            _ => Manner::Names,
        };
        ensure!(
            manner != Manner::Names || self.hold >= SHORTEST_BY_EAR,
            "where codecs differ voices are known by ear, which takes a --hold of {SHORTEST_BY_EAR} at least \
             编码不同时靠听辨认，--hold 至少 {SHORTEST_BY_EAR} 秒"
        );
        let half = std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).clamp(1, 8);
        Ok(Plan {
            target: self.target,
            anywhere: self.anywhere,
            local: local_address(self.target)?,
            press: keys(&self.press)?,
            number: self.number,
            press_after: Duration::from_millis(self.press_after),
            agents,
            expects,
            calls: self.calls as usize,
            rate: within("rate", self.rate, 0.01..=5_000.0)?,
            hold: Duration::from_secs_f64(within("hold", self.hold, 0.0..=3_000.0)?),
            seconds: Duration::from_secs(self.seconds),
            patience: Duration::from_secs(self.patience),
            codec,
            agent_codec,
            manner,
            srtp: self.srtp,
            weather,
            answer_after: Duration::from_millis(self.answer_after),
            threads: self.threads.map_or(half, usize::from),
            phones_per_port: usize::from(self.phones_per_port),
            pid: self.pid,
            json: self.json,
            html: self.html,
        })
    }
}

impl Plan {
    /// Whether audio may go there.
    pub(super) fn allows(&self, address: SocketAddr) -> bool {
        self.anywhere || address.ip().is_loopback()
    }
}

/// The address of ours that the target sees.
fn local_address(target: SocketAddrV4) -> anyhow::Result<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).with_context(|| "open a socket")?;
    socket.connect(target).with_context(|| format!("find a way to {target}"))?;
    Ok(socket.local_addr()?.ip())
}

/// Whether a text may stand in a URI as it is.
fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"*#+-_.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// Keys as RFC 4733 numbers them.
fn keys(text: &str) -> anyhow::Result<Vec<u8>> {
    ensure!(text.len() <= 32, "more than 32 keys to press");
    let number = |key: char| {
        let place = "0123456789*#ABCD".find(key.to_ascii_uppercase())?;
        u8::try_from(place).ok()
    };
    text.chars().map(|key| number(key).with_context(|| format!("{key:?} is not a key"))).collect()
}

/// The most agents in one run.
const MOST_AGENTS: usize = 20_000;

/// `5000-5049`, or a file.
fn agents(text: &str, password_prefix: &str) -> anyhow::Result<Vec<(String, String)>> {
    let agents = match range(text) {
        Some((first, last)) => {
            ensure!(
                first <= last && last - first < MOST_AGENTS,
                "{text} is not a range of at most {MOST_AGENTS}"
            );
            let width = text.find('-').unwrap_or(0);
            let agent = |id| {
                let id = format!("{id:0width$}");
                let password = format!("{password_prefix}{id}");
                (id, password)
            };
            (first..=last).map(agent).collect()
        }
        None => from_file(Path::new(text))?,
    };
    ensure!(!agents.is_empty() && agents.len() <= MOST_AGENTS, "{text} names no agents, or too many");
    Ok(agents)
}

fn range(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn from_file(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{} is neither a range such as 5000-5049 nor a file to read", path.display())
    })?;
    let mut agents = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [id, password] if is_word(id) => agents.push((id.to_owned(), password.to_owned())),
            _ => bail!("{} line {number} is not an id and a password", path.display()),
        }
    }
    Ok(agents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        options: Options,
    }

    fn plan(arguments: &[&str]) -> anyhow::Result<Plan> {
        Typed::try_parse_from([&["load"], arguments].concat())?.options.plan()
    }

    impl Plan {
        /// Of these arguments and a target here.
        pub(crate) fn typed(arguments: &[&str]) -> Plan {
            plan(&[&["--target", "127.0.0.1:5060"], arguments].concat()).unwrap()
        }
    }

    #[test]
    fn a_stranger_is_called_only_when_that_is_said() {
        let refusal = plan(&["--target", "192.0.2.1:5060"]).unwrap_err().to_string();
        assert!(refusal.contains("--anywhere"), "{refusal}");
        let plan = plan(&["--target", "127.0.0.1:5060"]).unwrap();
        assert!(plan.allows("127.0.0.5:4000".parse().unwrap()));
        assert!(!plan.allows("192.0.2.1:4000".parse().unwrap()), "nor does audio go to one");
    }

    #[test]
    fn agents_are_a_range_with_its_zeros() {
        let typed = ["--target", "127.0.0.1:5060", "--agents", "0098-0101", "--password-prefix", "p"];
        let agents = plan(&typed).unwrap().agents;
        let ids: Vec<&str> = agents.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["0098", "0099", "0100", "0101"]);
        assert_eq!(agents[0].1, "p0098");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let empty = std::env::temp_dir().join(format!("hotline-empty-{}", std::process::id()));
        std::fs::create_dir_all(&empty).unwrap();
        let missing = empty.join("agents.csv").display().to_string();
        for wrong in [
            ["--number", "8000>\r\nX: 1"],
            ["--press", "1x"],
            ["--agents", "9-1"],
            ["--agents", missing.as_str()],
            ["--loss", "101"],
            ["--rate", "NaN"],
            ["--hold", "-1"],
        ] {
            let wrong = [wrong[0].to_owned() + "=" + wrong[1]];
            assert!(plan(&["--target", "127.0.0.1:5060", &wrong[0]]).is_err(), "{wrong:?}");
        }
        std::fs::remove_dir_all(&empty).unwrap();
    }

    #[test]
    fn codecs_say_how_voices_are_known_and_what_that_takes() {
        let manner = |typed: &[&str]| Plan::typed(typed).manner;
        assert_eq!(manner(&["--agent-codec", "pcmu"]), Manner::Signs);
        assert_eq!(manner(&["--codec", "opus"]), Manner::Stamps);
        assert_eq!(manner(&["--codec", "l16", "--agent-codec", "g722"]), Manner::Names);
        let target = ["--target", "127.0.0.1:5060", "--codec", "opus"];
        let refused = |more: &[&str]| plan(&[&target, more].concat()).unwrap_err().to_string();
        assert!(refused(&["--agent-codec", "pcma", "--hold", "2"]).contains("--hold of 3"));
    }

    #[test]
    fn keys_have_their_numbers() {
        assert_eq!(keys("1*#d").unwrap(), [1, 10, 11, 15]);
    }
}
