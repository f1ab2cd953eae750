//! How agents stood when the last run ended, however it ended.

use model::{Activity, AgentId, CenterEvent, Event, OfferOutcome, QueueName, Shift, Time};

use crate::value::values;
use crate::{NODE, Row, Store, StoreError};

/// Starts of the center that may lie between an agent's last change and now; behind more of them it is forgotten.
const STARTS: &str = "SELECT s.shift, s.activity, s.seat_online, s.from_ms, j.event
     FROM agent_states s JOIN journal j ON j.node = $2 AND j.seq = s.seq
     WHERE s.agent = $1 ORDER BY s.seq DESC LIMIT 64";

/// Walks back from the newest segment: an agent who wrote up or talked has a recent one.
const LAST_SEGMENT: &str = "SELECT queue, ended_ms FROM segments WHERE agent = $1 ORDER BY id DESC LIMIT 1";

/// Walks back from the newest offer: it is asked only where an offer was what the agent had last.
const LAST_OFFER: &str = "SELECT outcome, ended_ms FROM offers WHERE agent = $1 ORDER BY id DESC LIMIT 1";

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
    /// When the offer ended that was the last thing to happen, if the agent missed it.
    pub missed: Option<Time>,
}

/// An agent's last state, and what to look up about it.
struct Last {
    standing: Standing,
    /// An offer was made, and nothing came of it or is known of it yet.
    was_offered: bool,
}

impl Store {
    /// The state of each of these agents at their own last change. At a start of the center all agents count as signed
    /// out until their seats are back; these changes are skipped. Agents who were signed out are left out. Call it
    /// when the spool was read to its end, as for [`Store::unfinished`], and before the events that end what was cut
    /// off are appended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn standings(&self, agents: &[AgentId]) -> Result<Vec<Standing>, StoreError> {
        let mut standings = Vec::new();
        for agent in agents {
            let rows = self.db().rows(STARTS, &values![agent.as_str(), NODE]).await?;
            if let Some(Last { mut standing, was_offered }) = last_change(agent, rows)? {
                if matches!(standing.activity, Activity::Talking | Activity::WrapUp) {
                    let rows = self.db().rows(LAST_SEGMENT, &values![agent.as_str()]).await?;
                    let read = |mut row: Row| Ok::<_, StoreError>((row.name()?, row.maybe_time()?));
                    standing.last = rows.into_iter().next().map(read).transpose()?;
                } else if was_offered {
                    let rows = self.db().rows(LAST_OFFER, &values![agent.as_str()]).await?;
                    standing.missed = rows.into_iter().next().map(missed_at).transpose()?.flatten();
                }
                standings.push(standing);
            }
        }
        Ok(standings)
    }
}

/// When the offer ended, if it was missed.
fn missed_at(mut row: Row) -> Result<Option<Time>, StoreError> {
    let (outcome, ended) = (row.maybe_word::<OfferOutcome>()?, row.maybe_time()?);
    let missed = matches!(outcome, Some(OfferOutcome::TimedOut | OfferOutcome::Refused(_)));
    Ok(ended.filter(|_| missed))
}

fn last_change(agent: &AgentId, rows: Vec<Row>) -> Result<Option<Last>, StoreError> {
    let mut own = Vec::new();
    for mut row in rows {
        let (shift, activity) = (row.word()?, row.word::<Activity>()?);
        let (seat_online, since, event) = (row.int()? != 0, row.time()?, row.text()?);
        if !matches!(serde_json::from_str(&event), Ok(Event::Center(CenterEvent::Started { .. }))) {
            let standing =
                Standing { agent: agent.clone(), shift, activity, since, last: None, missed: None };
            own.push((seat_online, standing));
        }
    }
    let mut own = own.into_iter();
    let Some((true, standing)) = own.next() else { return Ok(None) };
    let before = own.next().map(|(_, before)| before.activity);
    let was_offered = match standing.activity {
        Activity::Offered => true,
        Activity::Idle => before == Some(Activity::Offered),
        Activity::Talking | Activity::WrapUp => false,
    };
    Ok(Some(Last { standing, was_offered }))
}
