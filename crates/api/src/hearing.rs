//! Whether a supervisor may hear a recording.
//!
//! Quality control and administrators may hear all recordings. For supervisors the center has a policy. Whatever it
//! is, each listening is an event in the bearer's name.

use std::collections::BTreeMap;

use model::{AgentId, QueueName, SupervisorsHear};
use store::{Bearer, RecordingRow, Role};

use crate::App;
use crate::problem::Problem;

/// The policy, and the queues of each agent that it refers to.
#[derive(Debug, Clone, Default)]
pub struct Hearing {
    /// What supervisors may hear.
    pub supervisors: SupervisorsHear,
    /// The queues that each agent serves.
    pub queues: BTreeMap<AgentId, Vec<QueueName>>,
}

impl Hearing {
    /// Whether a bearer whose role may listen may hear a recording of a contact whose last queue was `queue`.
    fn allows(&self, role: Role, agent: Option<&AgentId>, queue: Option<&QueueName>) -> bool {
        match (role, self.supervisors) {
            (Role::Admin | Role::Qa, _) | (Role::Supervisor, SupervisorsHear::All) => true,
            (Role::Supervisor, SupervisorsHear::OwnQueues) => {
                let own = agent.and_then(|agent| self.queues.get(agent));
                queue.is_some_and(|queue| own.is_some_and(|own| own.contains(queue)))
            }
            (Role::Supervisor, SupervisorsHear::Nothing)
            | (Role::Agent | Role::Payment | Role::Viewer, _) => false,
        }
    }
}

/// Refuses a bearer who may not hear this recording.
pub(crate) async fn check(app: &App, bearer: &Bearer, recording: &RecordingRow) -> Result<(), Problem> {
    let contact = match (bearer.role, app.settings().hearing.supervisors) {
        (Role::Supervisor, SupervisorsHear::OwnQueues) => app.store.contact(recording.contact_id).await?,
        _ => None,
    };
    let queue = contact.and_then(|contact| contact.queue);
    if app.settings().hearing.allows(bearer.role, bearer.agent.as_ref(), queue.as_ref()) {
        return Ok(());
    }
    Err(Problem::not_heard())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supervisors_hear_what_the_policy_says_and_others_what_they_always_do() {
        let (agent, other): (AgentId, AgentId) = ("2001".parse().unwrap(), "2002".parse().unwrap());
        let (inquiry, complaint): (QueueName, QueueName) =
            ("inquiry".parse().unwrap(), "complaint".parse().unwrap());
        let heard = |policy: &str, role, agent, queue| {
            let queues = [("2001".parse().unwrap(), vec![inquiry.clone()])].into();
            Hearing { supervisors: policy.parse().unwrap(), queues }.allows(role, agent, queue)
        };
        for policy in ["nothing", "own_queues", "all"] {
            for role in [Role::Admin, Role::Qa] {
                assert!(heard(policy, role, None, None));
            }
            for role in [Role::Agent, Role::Payment, Role::Viewer] {
                assert!(!heard(policy, role, Some(&agent), Some(&inquiry)));
            }
            let leader = |agent, queue| heard(policy, Role::Supervisor, agent, queue);
            let own = leader(Some(&agent), Some(&inquiry));
            assert_eq!(own, policy != "nothing", "{policy}");
            for (agent, queue) in [
                (Some(&agent), Some(&complaint)),
                (Some(&agent), None),
                (Some(&other), Some(&inquiry)),
                (None, Some(&inquiry)),
            ] {
                assert_eq!(leader(agent, queue), policy == "all", "{policy} {agent:?} {queue:?}");
            }
        }
        assert!("some".parse::<SupervisorsHear>().is_err());
    }
}
