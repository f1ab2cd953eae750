//! `hotline agents set-password`: an agent's password in `agents.toml`, as hashes that digests need and not in clear.

use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use model::AgentId;
use sip::{Algorithm, Secret};

/// Characters of a password that is made here: none that are mistaken for others.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
/// Characters of a password that is made here: 100 bits.
const LENGTH: usize = 20;
/// Characters that a password has at least.
const SHORTEST: usize = 8;

/// A password that nobody guesses.
///
/// # Errors
/// When the system has no random numbers.
pub fn generate() -> anyhow::Result<String> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(io::Error::other).with_context(|| "make a password")?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

/// The first line of standard input.
///
/// # Errors
/// When there is none, or it is too short.
pub fn read() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).with_context(|| "read the password from standard input")?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.chars().count() < SHORTEST {
        bail!("a password has {SHORTEST} characters or more 密码至少 {SHORTEST} 个字符");
    }
    Ok(password.to_owned())
}

/// Writes the hashes of an agent's new password into `agents.toml`, in the place of what stood there; comments and all
/// other lines stay.
///
/// # Errors
/// When the file cannot be read or written, or has no such agent.
pub fn set(file: &Path, realm: &str, agent: &AgentId, password: &str) -> anyhow::Result<()> {
    let name = || file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("read {}", name()))?;
    let Some(changed) = replace(&text, realm, agent, password) else {
        bail!("{} has no agent {agent} 没有座席 {agent}", name());
    };
    let mode = fs::metadata(file).map_or(0o640, |metadata| metadata.permissions().mode() & 0o777);
    let unfinished = file.with_extension("toml.new");
    let _ = fs::remove_file(&unfinished);
    let write = || {
        let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
        new.write_all(changed.as_bytes())?;
        new.sync_all()?;
        fs::rename(&unfinished, file)
    };
    write().with_context(|| format!("write {}", name()))
}

/// The text with the agent's password replaced; `None` when it has no such agent.
fn replace(text: &str, realm: &str, agent: &AgentId, password: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_header = |line: &&str| line.trim_start().starts_with('[');
    let of_agent = |line: &&str| value_of(line, "id") == Some(agent.as_str());
    let id = lines.iter().position(of_agent)?;
    let first = lines.get(..id)?.iter().rposition(is_header)? + 1;
    let last = lines.get(id..)?.iter().position(is_header).map_or(lines.len(), |behind| id + behind);
    let is_password = |line: &str| {
        ["password", "password_sha256", "password_md5"].iter().any(|key| value_of(line, key).is_some())
    };
    let mut changed = String::with_capacity(text.len() + 200);
    let mut written = false;
    for (index, line) in lines.iter().enumerate() {
        let inside = (first..last).contains(&index);
        if !(inside && is_password(line)) {
            changed.push_str(line);
        }
        // Behind the id, where a password stands in the sample.
        if index == id {
            if !changed.ends_with('\n') {
                changed.push('\n');
            }
            changed.push_str(&hashes(realm, agent, password));
            written = true;
        }
    }
    written.then_some(changed)
}

fn hashes(realm: &str, agent: &AgentId, password: &str) -> String {
    let secret = Secret::from(password.to_owned());
    let line = |(key, algorithm)| {
        let hash = secret.hashed(algorithm, agent.as_str(), realm).unwrap_or_default();
        format!("{key} = \"{realm}:{hash}\"\n")
    };
    [("password_sha256", Algorithm::Sha256), ("password_md5", Algorithm::Md5)].map(line).concat()
}

/// The text that a line gives a key.
fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim_start().strip_prefix(['"', '\''])?;
    (name.trim() == key).then(|| value.split(['"', '\'']).next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Agents\n[[agent]]\nid = \"1001\" # Ann\npassword = \"sample-1001\" # change\nqueues = [\"a\"]\n\n\
                        [[agent]]\npassword = 'x'\nid = \"1002\"\n";

    #[test]
    fn a_password_is_replaced_by_its_hashes_and_all_else_stays() {
        let agent: AgentId = "1001".parse().unwrap();
        let changed = replace(FILE, "hotline", &agent, "secret").unwrap();
        assert!(
            changed.starts_with("# Agents\n[[agent]]\nid = \"1001\" # Ann\npassword_sha256 = \"hotline:")
        );
        assert!(!changed.contains("sample-1001") && changed.contains("password = 'x'"), "{changed}");
        // MD5 of "1001:hotline:secret".
        let md5 = Secret::from("secret".to_owned()).hashed(Algorithm::Md5, "1001", "hotline").unwrap();
        assert!(changed.contains(&format!("password_md5 = \"hotline:{md5}\"\nqueues = [\"a\"]\n")));
        let again = replace(&changed, "hotline", &agent, "other").unwrap();
        assert_eq!(again.lines().count(), changed.lines().count());
        let other = replace(FILE, "hotline", &"1002".parse().unwrap(), "secret").unwrap();
        assert!(other.contains("sample-1001") && !other.contains("'x'"), "{other}");
        assert_eq!(replace(FILE, "hotline", &"1003".parse().unwrap(), "secret"), None);
    }

    #[test]
    fn made_passwords_differ() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert!(one.len() == LENGTH && one != other);
    }
}
