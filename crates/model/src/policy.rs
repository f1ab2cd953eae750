//! What a center lets people do.

use std::str::FromStr;

/// What supervisors may hear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SupervisorsHear {
    /// No recording.
    #[default]
    Nothing,
    /// Those of contacts whose last queue is one of the queues of the agent that the token names.
    OwnQueues,
    /// Every recording.
    All,
}

impl FromStr for SupervisorsHear {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<SupervisorsHear, &'static str> {
        match text {
            "nothing" => Ok(SupervisorsHear::Nothing),
            "own_queues" => Ok(SupervisorsHear::OwnQueues),
            "all" => Ok(SupervisorsHear::All),
            _ => Err("\"nothing\", \"own_queues\" or \"all\""),
        }
    }
}
