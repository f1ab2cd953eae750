//! Commands from the command line to the running center, over its API on this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use model::AgentId;

use crate::serve::CONTROL;

/// Makes an agent ready, or sends one on a break.
///
/// # Errors
/// When no center runs on this data folder, or it refuses.
pub fn agent(data: &Path, agent: &AgentId, state: &str) -> anyhow::Result<()> {
    let path = data.join(CONTROL);
    let control = std::fs::read_to_string(&path)
        .with_context(|| format!("read {}: does a center run on this data folder?", path.display()))?;
    let (http, token) = control.split_once('\n').unwrap_or_default();
    let http: SocketAddr = http.parse().with_context(|| format!("read {}", path.display()))?;
    let mut stream = TcpStream::connect_timeout(&http, Duration::from_secs(3))
        .with_context(|| format!("reach the center at {http}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = format!(
        "POST /api/v1/agents/{agent}/{state} HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n",
        token.trim()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(65_536).read_to_end(&mut answer).with_context(|| "read the center's answer")?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap_or("");
    if !status.starts_with('2') {
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        bail!("the center refused ({status}): {body}");
    }
    Ok(())
}
