//! The directory with who is there now: what a console shows beside its transfer button.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{AgentId, DirectoryEntry, Number, Party, Time};
use serde::Serialize;
use store::{AgentRow, Bearer, Role};

use crate::App;
use crate::problem::Problem;

/// An entry now.
#[derive(Serialize)]
struct Entry {
    extension: Number,
    kind: &'static str,
    zh: String,
    en: String,
    /// Callers reach it by pressing its extension.
    public: bool,
    open: bool,
    /// When it opens, if it is closed, or closes.
    changes_at: Option<Time>,
    ring_s: u64,
    members: Vec<Member>,
    deputy: Option<Number>,
    closed: String,
    unanswered: String,
}

#[derive(Serialize)]
struct Member {
    /// `None`: a number outside that the bearer may not see.
    who: Option<Party>,
    /// Of agents.
    state: Option<AgentRow>,
}

pub(crate) async fn list(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
) -> Result<Response, Problem> {
    let settings = app.settings();
    let agents: Vec<AgentId> = settings
        .directory
        .iter()
        .flat_map(|(_, entry)| entry.members.iter().filter_map(Party::agent).cloned())
        .collect();
    let rows = app.store.agents(&agents).await?;
    let states: BTreeMap<AgentId, AgentRow> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
    let (now, sees_numbers) = ((app.now)(), sees_numbers(bearer.role));
    let shown = |(extension, entry): (&Number, &DirectoryEntry)| {
        let member = |who: &Party| Member {
            state: who.agent().and_then(|agent| states.get(agent).cloned()),
            who: (sees_numbers || who.agent().is_some()).then(|| who.clone()),
        };
        Entry {
            extension: extension.clone(),
            kind: entry.kind.name(),
            zh: entry.zh.clone(),
            en: entry.en.clone(),
            public: entry.is_public,
            open: entry.is_open(&app.zone, now),
            changes_at: entry.next_change(&app.zone, now),
            ring_s: entry.ring.as_secs(),
            members: entry.members.iter().map(member).collect(),
            deputy: entry.deputy.clone(),
            closed: entry.closed.to_string(),
            unanswered: entry.unanswered.to_string(),
        }
    };
    Ok(Json(settings.directory.iter().map(shown).collect::<Vec<_>>()).into_response())
}

/// Agents dial an extension; whose private telephone is behind it is for those who lead.
fn sees_numbers(role: Role) -> bool {
    match role {
        Role::Admin | Role::Supervisor => true,
        Role::Agent | Role::Qa | Role::Payment | Role::Viewer => false,
    }
}
