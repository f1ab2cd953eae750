//! Commands from the command line to the running center, over its API on this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use model::AgentId;

use crate::language::Shown;

/// The file by which somebody at the command line of this machine reaches the running center: its HTTP address,
/// a token and its SIP address, a line each, readable by its owner alone.
pub const CONTROL: &str = "control";

/// Makes an agent ready, or sends one on a break.
///
/// # Errors
/// When no center runs on this data folder, or it refuses.
pub fn agent(data: &Path, agent: &AgentId, state: &str) -> anyhow::Result<()> {
    post(data, &format!("agents/{agent}/{state}"), "").map(|_| ())
}

/// The running center's answer to a POST, at a path below `/api/v1/`.
///
/// # Errors
/// As [`agent`].
pub fn post(data: &Path, path: &str, body: &str) -> anyhow::Result<String> {
    let answer = request(data, "POST", path, body)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The running center's answer to a GET, at a path below `/api/v1/`.
///
/// # Errors
/// As [`agent`].
pub fn get(data: &Path, path: &str) -> anyhow::Result<Vec<u8>> {
    request(data, "GET", path, "")
}

fn request(data: &Path, method: &str, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
    let Control { http, token, .. } = Control::read(data)?;
    let mut stream = TcpStream::connect_timeout(&http, Duration::from_secs(3))
        .with_context(|| format!("reach the center at {http}"))?;
    // Erasing may take its time.
    stream.set_read_timeout(Some(Duration::from_secs(600)))?;
    let request = format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {}\r\n\
         Accept-Language: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        token,
        Shown::here().header(),
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(1 << 30).read_to_end(&mut answer).with_context(|| "read the center's answer")?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let (head, body) = answer.split_at(end);
    let head = String::from_utf8_lossy(head).into_owned();
    let status = head.split(' ').nth(1).unwrap_or("");
    if !status.starts_with('2') {
        bail!("the center refused ({status}): {}", refusal(&String::from_utf8_lossy(body)));
    }
    Ok(body.to_vec())
}

/// What the file of a running center says: an address or token a line.
struct Control {
    http: SocketAddr,
    token: String,
    /// Missing in the file of an older version.
    sip: Vec<SocketAddr>,
}

impl Control {
    fn read(data: &Path) -> anyhow::Result<Control> {
        let file = data.join(CONTROL);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("read {}: does a center run on this data folder?", file.display()))?;
        let mut lines = text.lines();
        let http = lines.next().unwrap_or_default().parse();
        let http = http.with_context(|| format!("read {}", file.display()))?;
        let token = lines.next().unwrap_or_default().trim().to_owned();
        Ok(Control { http, token, sip: addresses(lines.next().unwrap_or_default()) })
    }
}

fn addresses(line: &str) -> Vec<SocketAddr> {
    line.split_whitespace().filter_map(|address| address.parse().ok()).collect()
}

/// A center that runs on a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Where it serves HTTP.
    pub http: SocketAddr,
    /// Where it listens for SIP.
    pub sip: Vec<SocketAddr>,
}

/// The center that runs on this data folder; `None` when none answers within a second.
pub fn neighbour(data: &Path) -> Option<Neighbour> {
    let Control { http, sip, .. } = Control::read(data).ok()?;
    let mut stream = TcpStream::connect_timeout(&http, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // An answer that is cut off is read as far as it goes: only the answering program is of interest.
    let _ = stream.take(4_096).read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    (answer.starts_with("HTTP/1.1 200") && answer.contains("\"alive\"")).then_some(Neighbour { http, sip })
}

/// What a problem document says (RFC 9457), in a line, and in a line each what is wrong with files; anything else as it
/// is.
fn refusal(body: &str) -> String {
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let said = ["title", "detail"].map(|field| problem[field].as_str().unwrap_or_default());
    let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
    let text = if said.is_empty() { body.trim().to_owned() } else { said.join(" — ") };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let faults = problem["faults"].as_array().into_iter().flatten();
    faults.fold(text, |text, each| text + "\n" + &fault(each))
}

/// What is wrong in a file of the configuration, in a line.
pub fn fault(fault: &serde_json::Value) -> String {
    let text = |field: &str| fault[field].as_str().unwrap_or_default();
    let place = match fault["line"].as_u64() {
        Some(line @ 1..) => format!("{}:{line}: ", text("file")),
        Some(0) | None if text("file").is_empty() => String::new(),
        Some(0) | None => format!("{}: ", text("file")),
    };
    let [en, hint_en, zh, hint_zh] = ["message_en", "hint_en", "message_zh", "hint_zh"].map(text);
    let line = match Shown::here() {
        Shown::English => format!("{place}{en}; {hint_en}"),
        Shown::Chinese => format!("{place}{zh}；{hint_zh}"),
        Shown::Both => format!("{place}{en}; {hint_en} {zh}；{hint_zh}"),
    };
    line.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_line_for_people() {
        let body = "{\"type\":\"about:blank\",\"title\":\"Not found\",\"status\":404,\"detail\":\"no agent 9\\u001b[2J\"}";
        assert_eq!(refusal(body), "Not found — no agent 9[2J");
        assert_eq!(refusal("Bad gateway\n"), "Bad gateway");
    }
}
