//! What an operator types at a center.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Center;
use super::process::{binary, repository};

impl Center {
    /// Orders `ready` or `break` for an agent, as an operator does on the command line.
    pub fn order(&self, state: &str, agent: &str) {
        let output = self.command("agent").args([state, agent]).output().expect("hotline runs");
        assert!(output.status.success(), "hotline agent: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The rows of a list as the command line prints it (`hotline contacts --json`).
    pub fn listing(&self, list: &str) -> Vec<Value> {
        let output = self.command(list).arg("--json").output().expect("hotline runs");
        assert!(output.status.success(), "hotline {list}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("hotline prints JSON")
    }

    /// Runs `hotline verify` and fails with its own words when rows and files differ.
    pub fn assert_rows_and_files_agree(&self) {
        let output = self.command("verify").output().expect("hotline runs");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "verify: {said}");
    }

    /// Has the center read its files anew, with these arguments: whether it did, and what was printed.
    pub fn reload(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.command("reload").args(arguments).env("HOTLINE_LANG", "en").output();
        let output = output.expect("hotline runs");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    }

    /// A new token of this role.
    ///
    /// # Panics
    /// When none is made.
    pub fn make_token(&self, role: &str) -> String {
        let output = self.command("token").args(["create", "--role", role]).output().expect("hotline runs");
        assert!(output.status.success(), "token: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A command of the binary on this center's folders.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(binary());
        command.arg(name).current_dir(repository()).env("NO_COLOR", "1");
        command.arg("--prompts").arg(&self.prompts);
        command.arg("--config").arg(self.folder.join("config"));
        command.arg("--data").arg(self.folder.join("data"));
        command.arg("--recordings").arg(self.folder.join("recordings"));
        command
    }

    /// A command of the binary without any of its folders.
    pub fn bare_command(&self, name: &str) -> Command {
        let mut command = Command::new(binary());
        command.arg(name).current_dir(repository()).env("NO_COLOR", "1");
        command
    }

    /// `hotline serve` of a second center with this one's configuration, these folders and ports of its own.
    pub fn rival(&self, data: &Path, recordings: &Path) -> Command {
        let mut command = Command::new(binary());
        command.arg("serve").current_dir(repository()).env("NO_COLOR", "1");
        command.args(["--prompts", "prompts", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.arg("--config").arg(self.folder.join("config"));
        command.arg("--data").arg(data).arg("--recordings").arg(recordings);
        command
    }
}
