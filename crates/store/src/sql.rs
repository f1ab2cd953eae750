//! The statements by which the journal's follower changes the tables. Each is valid in SQLite and in
//! PostgreSQL as it stands.

pub(crate) const APPEND: &str =
    "INSERT INTO journal (node, seq, subject, at_ms, actor, event) VALUES ($1, $2, $3, $4, $5, $6)";

/// Reads the last sequence number and takes the write lock at once, so that a reader's snapshot never has
/// to be upgraded.
pub(crate) const LOCK_STATE: &str = "UPDATE projection_state SET seq = seq WHERE id = 1 RETURNING seq";

pub(crate) const ADVANCE_STATE: &str = "UPDATE projection_state SET seq = $1 WHERE id = 1";

/// PostgreSQL only: one lock for each schema. 1 when this session holds it now.
pub(crate) const TAKE_LOCK: &str =
    "SELECT CAST(CASE WHEN pg_try_advisory_lock(1213157449, hashtext(current_schema()))
     THEN 1 ELSE 0 END AS BIGINT)";

/// PostgreSQL only: 1 while this session holds the lock.
pub(crate) const HOLDS_LOCK: &str = "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM pg_locks
         WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() AND classid = 1213157449)
     THEN 1 ELSE 0 END AS BIGINT)";

/// PostgreSQL only: a machine that vanished keeps its lock for 25 s instead of two hours.
pub(crate) const NOTICE_A_DEAD_PEER: [&str; 3] =
    ["SET tcp_keepalives_idle = 10", "SET tcp_keepalives_interval = 5", "SET tcp_keepalives_count = 3"];

/// SQLite only.
pub(crate) const COPY: &str = "VACUUM INTO $1";

pub(crate) const OWNER: &str = "SELECT token, host, pid, since_ms, data FROM owner WHERE id = 1";

pub(crate) const LOG_ID: &str = "SELECT log FROM owner WHERE id = 1";

/// A log keeps the name that it was given first.
pub(crate) const CLAIM: &str = "UPDATE owner SET token = $1, host = $2, pid = $3, since_ms = $4, data = $5,
     log = CASE WHEN log = '' THEN $6 ELSE log END WHERE id = 1";

/// The tables that the journal alone determines.
pub(crate) const EMPTY_PROJECTIONS: [&str; 9] = [
    "DELETE FROM quality",
    "DELETE FROM legal_holds",
    "DELETE FROM contacts",
    "DELETE FROM queue_visits",
    "DELETE FROM offers",
    "DELETE FROM segments",
    "DELETE FROM agents",
    "DELETE FROM agent_states",
    "DELETE FROM recordings",
];

/// After the clock was set, everything that is still open begins by the new time, so that its duration stays right.
pub(crate) const SHIFT_WHAT_IS_OPEN: [&str; 7] = [
    "UPDATE contacts SET started_ms = started_ms + $1, answered_ms = answered_ms + $1, talked_ms = talked_ms + $1
     WHERE ended_ms IS NULL",
    "UPDATE queue_visits SET entered_ms = entered_ms + $1 WHERE left_ms IS NULL",
    "UPDATE offers SET made_ms = made_ms + $1 WHERE ended_ms IS NULL",
    "UPDATE segments SET started_ms = started_ms + $1, hold_since_ms = hold_since_ms + $1 WHERE ended_ms IS NULL",
    "UPDATE recordings SET opened_ms = opened_ms + $1 WHERE closed_ms IS NULL",
    "UPDATE agents SET since_ms = since_ms + $1",
    "UPDATE agent_states SET from_ms = from_ms + $1 WHERE until_ms IS NULL",
];

pub(crate) const START_CONTACT: &str =
    "INSERT INTO contacts (id, caller, caller_name, number, diversions, trunk, language, flow, started_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";

pub(crate) const PLACE_CONTACT: &str =
    "INSERT INTO contacts (id, caller, number, trunk, language, flow, started_ms, direction)
     VALUES ($1, $2, $3, '', $4, $5, $6, 'outbound') ON CONFLICT (id) DO NOTHING";

pub(crate) const ANSWER_CONTACT: &str = "UPDATE contacts SET answered_ms = $2 WHERE id = $1";

pub(crate) const CHOOSE_LANGUAGE: &str = "UPDATE contacts SET language = $2 WHERE id = $1";

pub(crate) const ENTER_NODE: &str = "UPDATE contacts SET node = $2 WHERE id = $1";

pub(crate) const END_CONTACT: &str =
    "UPDATE contacts SET ended_ms = $2, ended_by = $3, cause = $4, class = $5 WHERE id = $1";

pub(crate) const ENTER_QUEUE: &str =
    "INSERT INTO queue_visits (contact, entered_seq, queue, entered_ms, bonus_s, position)
     VALUES ($1, $2, $3, $4, $5, $6)";

pub(crate) const SHOW_QUEUE: &str = "UPDATE contacts SET queue = $2 WHERE id = $1";

pub(crate) const LEAVE_QUEUE: &str = "UPDATE queue_visits SET left_ms = $3, reason = $4, waited_ms = $5
     WHERE contact = $1 AND queue = $2 AND left_ms IS NULL";

pub(crate) const MAKE_OFFER: &str =
    "INSERT INTO offers (id, contact, queue, agent, made_ms, score_s, idle_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";

pub(crate) const END_OFFER: &str =
    "UPDATE offers SET ended_ms = $2, outcome = $3 WHERE id = $1 AND ended_ms IS NULL";

pub(crate) const START_SEGMENT: &str =
    "INSERT INTO segments (id, contact, agent, queue, started_ms, holds, holders, held_ms)
     VALUES ($1, $2, $3, $4, $5, 0, 0, 0) ON CONFLICT (id) DO NOTHING";

/// A contact that was in no queue, as its flow dialled an extension, belongs to the one that its conversation counts for.
pub(crate) const SHOW_AGENT: &str =
    "UPDATE contacts SET agent = $2, talked_ms = COALESCE(talked_ms, $3), queue = COALESCE(queue, $4)
     WHERE id = $1";

/// Both sides may hold at once: held time runs from the first hold to the end of the last.
pub(crate) const START_HOLD: &str = "UPDATE segments SET holds = holds + 1, holders = holders + 1,
         hold_since_ms = COALESCE(hold_since_ms, $2)
     WHERE id = $1 AND ended_ms IS NULL";

pub(crate) const END_HOLD: &str = "UPDATE segments SET holders = holders - 1,
         held_ms = held_ms + CASE WHEN holders = 1 THEN $2 - hold_since_ms ELSE 0 END,
         hold_since_ms = CASE WHEN holders = 1 THEN NULL ELSE hold_since_ms END
     WHERE id = $1 AND ended_ms IS NULL AND holders > 0";

pub(crate) const END_SEGMENT: &str =
    "UPDATE segments SET ended_ms = $2, ended_by = $3, cause = $4, holders = 0,
         held_ms = held_ms + COALESCE($2 - hold_since_ms, 0), hold_since_ms = NULL
     WHERE id = $1 AND ended_ms IS NULL";

pub(crate) const OPEN_RECORDING: &str =
    "INSERT INTO recordings (id, contact, path, state, opened_ms, channels, rate, gaps, listened)
     VALUES ($1, $2, $3, $4, $5, $6, $7, '[]', 0) ON CONFLICT (id) DO NOTHING";

pub(crate) const SHOW_RECORDING: &str = "UPDATE contacts SET recording = $2 WHERE id = $1";

pub(crate) const CLOSE_RECORDING: &str =
    "UPDATE recordings SET state = $2, closed_ms = $3, duration_ms = $4, sha256 = $5, gaps = $6, fault = $7
     WHERE id = $1";

pub(crate) const ERASE_RECORDING: &str = "UPDATE recordings SET state = $2 WHERE id = $1";

pub(crate) const MEASURE: &str =
    "INSERT INTO quality (seq, contact, agent, measured_ms, figures) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (seq) DO NOTHING";

pub(crate) const SET_HOLD: &str =
    "INSERT INTO legal_holds (contact, since_ms, actor, person, reason) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (contact) DO UPDATE SET actor = excluded.actor, person = excluded.person,
         reason = excluded.reason";

pub(crate) const CLEAR_HOLD: &str = "DELETE FROM legal_holds WHERE contact = $1";

pub(crate) const COUNT_LISTENED: &str = "UPDATE recordings SET listened = listened + 1 WHERE id = $1";

pub(crate) const LEAVE_AGENT_STATE: &str =
    "UPDATE agent_states SET until_ms = $2 WHERE agent = $1 AND until_ms IS NULL";

pub(crate) const ENTER_AGENT_STATE: &str =
    "INSERT INTO agent_states (agent, seq, from_ms, shift, activity, seat_online, actor)
     VALUES ($1, $2, $3, $4, $5, $6, $7)";

pub(crate) const SHOW_AGENT_STATE: &str = "INSERT INTO agents (id, shift, activity, seat_online, since_ms)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (id) DO UPDATE SET shift = excluded.shift, activity = excluded.activity,
         seat_online = excluded.seat_online, since_ms = excluded.since_ms";

pub(crate) const LEAVE_ALL_AGENT_STATES: &str =
    "UPDATE agent_states SET until_ms = $1 WHERE until_ms IS NULL";

pub(crate) const ALL_AGENT_STATES_OFFLINE: &str =
    "INSERT INTO agent_states (agent, seq, from_ms, shift, activity, seat_online)
     SELECT id, CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), 0 FROM agents";

pub(crate) const ALL_AGENTS_OFFLINE: &str =
    "UPDATE agents SET shift = $1, activity = $2, seat_online = 0, since_ms = $3";
