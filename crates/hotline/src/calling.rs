//! `hotline call`: a customer is called, by the running center's API.

use std::path::Path;

use clap::Args;
use hotline::control;
use model::{AgentId, Number, QueueName};
use serde_json::json;

/// Whom to call, and who talks.
#[derive(Args)]
pub(crate) struct Call {
    /// The agent who talks 座席
    agent: AgentId,
    /// The customer's number, as the agent would dial it 客户号码
    number: Number,
    /// Call the customer first; the agent's phone rings once the customer has answered 先呼客户
    #[arg(long)]
    customer_first: bool,
    /// The queue that the agent calls for; the agent's first one unless it is said 队列
    #[arg(long)]
    queue: Option<QueueName>,
}

/// Places the call; what the center says of it.
///
/// # Errors
/// When no center runs on this data folder, or it refuses.
pub(crate) fn place(data: &Path, call: &Call) -> anyhow::Result<String> {
    let Call { agent, number, customer_first, queue } = call;
    let first = if *customer_first { "customer" } else { "agent" };
    let mut body = json!({ "agent": agent, "number": number, "first": first });
    if let Some(queue) = queue {
        body["queue"] = json!(queue);
    }
    control::post(data, "calls", &body.to_string())
}
