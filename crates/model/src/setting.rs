//! What a configuration that was read anew says differently.

use serde::{Deserialize, Serialize};

/// A value of the configuration's files that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// The file, below the folder of the configuration or of the prompts.
    pub file: String,
    /// Where in the file; empty for a file as a whole.
    pub key: String,
    /// What it was; `None` when it was not there. Secrets are masked.
    pub before: Option<String>,
    /// What it is; `None` when it is there no more.
    pub after: Option<String>,
    /// When it takes effect.
    pub effect: Effect,
}

/// When a changed value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// For the next decision.
    Now,
    /// When the center is started again.
    AtRestart,
}
