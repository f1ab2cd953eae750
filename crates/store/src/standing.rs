//! How agents stood when the last run ended, however it ended.

use model::{Activity, AgentId, Event, QueueName, Shift, Time};

use crate::value::values;
use crate::{Row, Store, StoreError};

/// Starts of the center that may lie between an agent's last change and now; behind more of them it is forgotten.
const STARTS: &str = "SELECT s.shift, s.activity, s.seat_online, s.from_ms, j.event
     FROM agent_states s JOIN journal j ON j.seq = s.seq
     WHERE s.agent = $1 ORDER BY s.seq DESC LIMIT 64";

/// Walks back from the newest segment: an agent who wrote up or talked has a recent one.
const LAST_SEGMENT: &str = "SELECT queue, ended_ms FROM segments WHERE agent = $1 ORDER BY id DESC LIMIT 1";

/// An agent who was signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The agent.
    pub agent: AgentId,
    /// Ready, or not, and why.
    pub shift: Shift,
    /// What the agent did.
    pub activity: Activity,
    /// Since when.
    pub since: Time,
    /// For those who talked or wrote up: the queue of their last conversation, and its end if it had ended.
    pub last: Option<(QueueName, Option<Time>)>,
}

impl Store {
    /// How each of these agents stood at the last change of their own: a start of the center shows everybody as signed
    /// out until the seats are back, and is passed over. Who was signed out is left out. Ask once the spool has
    /// followed, as for [`Store::unfinished`], and before what was cut off is ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn standings(&self, agents: &[AgentId]) -> Result<Vec<Standing>, StoreError> {
        let mut standings = Vec::new();
        for agent in agents {
            let rows = self.db().rows(STARTS, &values![agent.as_str()]).await?;
            if let Some(mut standing) = last_change(agent, rows)? {
                if matches!(standing.activity, Activity::Talking | Activity::WrapUp) {
                    let rows = self.db().rows(LAST_SEGMENT, &values![agent.as_str()]).await?;
                    let read = |mut row: Row| Ok::<_, StoreError>((row.name()?, row.maybe_time()?));
                    standing.last = rows.into_iter().next().map(read).transpose()?;
                }
                standings.push(standing);
            }
        }
        Ok(standings)
    }
}

fn last_change(agent: &AgentId, rows: Vec<Row>) -> Result<Option<Standing>, StoreError> {
    for mut row in rows {
        let (shift, activity) = (row.word()?, row.word()?);
        let (seat_online, since, event) = (row.int()? != 0, row.time()?, row.text()?);
        let started = matches!(serde_json::from_str(&event), Ok(Event::CenterStarted { .. }));
        if !started {
            let standing = Standing { agent: agent.clone(), shift, activity, since, last: None };
            return Ok(seat_online.then_some(standing));
        }
    }
    Ok(None)
}
