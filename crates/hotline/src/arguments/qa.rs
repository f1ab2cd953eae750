//! Arguments of `hotline qa`.

use clap::{Args, Subcommand};
use model::{AgentId, Class, Language, QueueName, Time, Way};

#[derive(Subcommand)]
pub(crate) enum Qa {
    /// Draw a random sample of recorded contacts 随机抽样
    Sample(Sample),
}

#[derive(Args)]
pub(crate) struct Sample {
    /// So many; or else --margin 抽取数量
    #[arg(long, required_unless_present = "margin", conflicts_with = "margin")]
    pub(crate) count: Option<usize>,
    /// As many as know a share to ± this many percentage points with 95 % confidence 允许误差（百分点，95 % 置信度）
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(crate) margin: Option<u8>,
    /// The same seed draws the same of the same frame 随机种子
    #[arg(long)]
    pub(crate) seed: u64,
    /// Only contacts that ended then or before, such as 2026-11-23T08:30:00Z; now when left out 截止时间
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Time>,
    /// Only contacts that arrived then or later 起始时间
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Time>,
    /// Whose last queue was this 队列
    #[arg(long)]
    pub(crate) queue: Option<QueueName>,
    /// Whose last agent was this 座席
    #[arg(long)]
    pub(crate) agent: Option<AgentId>,
    /// That count as answered, abandoned, left_early, self_service, refused or failed 结果
    #[arg(long, value_parser = word::<Class>)]
    pub(crate) outcome: Option<Class>,
    /// inbound 呼叫方向
    #[arg(long, value_parser = word::<Way>)]
    pub(crate) direction: Option<Way>,
    /// zh-CN or en-US 语言
    #[arg(long, value_parser = word::<Language>)]
    pub(crate) language: Option<Language>,
    /// Of at least this many seconds from answer to end 最短秒数
    #[arg(long, value_name = "SECONDS")]
    pub(crate) shortest_s: Option<u32>,
    /// Of at most this many seconds 最长秒数
    #[arg(long, value_name = "SECONDS")]
    pub(crate) longest_s: Option<u32>,
    /// One JSON array of objects 输出 JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// One of our words, as the API writes it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| error.to_string())
}
