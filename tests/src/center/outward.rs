//! Calls of the center to numbers outside.

use super::Center;

/// A number outside that agents may call once there is a trunk for it.
pub const OUTSIDE: &str = "02155550100";

impl Center {
    /// From now on this is the trunk, and numbers that begin with 021 may be called through it.
    pub fn set_trunk(&self, lines: &str) {
        self.edit(
            "trunks.toml",
            "name = \"loopback\"\nsources = [\"127.0.0.0/8\", \"::1/128\"]",
            &format!("name = \"carrier\"\n{lines}"),
        );
        self.set_dial_plan("[[rule]]\nprefix = \"021\"\nallow = true\ntrunks = [\"carrier\"]\n");
    }

    /// The same, by address, with these gateways.
    pub fn set_gateways(&self, gateways: &[&str]) {
        let gateways: Vec<String> = gateways.iter().map(|address| format!("\"sip:{address}\"")).collect();
        let gateways = gateways.join(", ");
        self.set_trunk(&format!("sources = [\"127.0.0.0/8\"]\ngateways = [{gateways}]\noptions_s = 0"));
    }

    /// Who may call whom, from now on.
    pub fn set_dial_plan(&self, plan: &str) {
        std::fs::write(self.folder.join("config/dialling.toml"), plan)
            .expect("the story's folder can be written");
        let (is_well, said) = self.reload(&[]);
        assert!(is_well, "{said}");
    }
}
