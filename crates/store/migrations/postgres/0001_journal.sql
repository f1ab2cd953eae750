-- Instants are milliseconds since the Unix epoch (…_ms), ids are the numbers of model's ids.
-- Only BIGINT and TEXT are used, so that the statements are the same for both databases.

CREATE TABLE journal (
    seq BIGINT PRIMARY KEY NOT NULL,
    at_ms BIGINT NOT NULL,
    event TEXT NOT NULL
);

-- One row: the last sequence number that the projections contain.
CREATE TABLE projection_state (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    seq BIGINT NOT NULL
);
INSERT INTO projection_state (id, seq) VALUES (1, 0);

CREATE TABLE contacts (
    id BIGINT PRIMARY KEY NOT NULL,
    caller TEXT,
    caller_name TEXT,
    number TEXT NOT NULL,
    trunk TEXT NOT NULL,
    language TEXT NOT NULL,
    flow TEXT NOT NULL,
    node TEXT,
    queue TEXT,
    agent TEXT,
    started_ms BIGINT NOT NULL,
    answered_ms BIGINT,
    talked_ms BIGINT,
    ended_ms BIGINT,
    ended_by TEXT,
    cause TEXT,
    class TEXT,
    recording BIGINT
);
CREATE INDEX contacts_started ON contacts (started_ms);
CREATE INDEX contacts_open ON contacts (id) WHERE ended_ms IS NULL;
CREATE INDEX contacts_queue ON contacts (queue, id);
CREATE INDEX contacts_agent ON contacts (agent, id);

CREATE TABLE queue_visits (
    contact BIGINT NOT NULL,
    entered_seq BIGINT NOT NULL,
    queue TEXT NOT NULL,
    entered_ms BIGINT NOT NULL,
    bonus_s BIGINT NOT NULL,
    position BIGINT NOT NULL,
    left_ms BIGINT,
    reason TEXT,
    waited_ms BIGINT,
    PRIMARY KEY (contact, entered_seq)
);
CREATE INDEX queue_visits_entered ON queue_visits (entered_ms);
CREATE INDEX queue_visits_open ON queue_visits (queue) WHERE left_ms IS NULL;

CREATE TABLE offers (
    id BIGINT PRIMARY KEY NOT NULL,
    contact BIGINT NOT NULL,
    queue TEXT NOT NULL,
    agent TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    score_s BIGINT NOT NULL,
    idle_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    outcome TEXT
);
CREATE INDEX offers_contact ON offers (contact);
CREATE INDEX offers_open ON offers (id) WHERE ended_ms IS NULL;

CREATE TABLE segments (
    id BIGINT PRIMARY KEY NOT NULL,
    contact BIGINT NOT NULL,
    agent TEXT NOT NULL,
    queue TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    ended_by TEXT,
    cause TEXT,
    holds BIGINT NOT NULL,
    holders BIGINT NOT NULL,
    hold_since_ms BIGINT,
    held_ms BIGINT NOT NULL
);
CREATE INDEX segments_contact ON segments (contact);
CREATE INDEX segments_open ON segments (id) WHERE ended_ms IS NULL;

CREATE TABLE agents (
    id TEXT PRIMARY KEY NOT NULL,
    shift TEXT NOT NULL,
    activity TEXT NOT NULL,
    seat_online BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
);

CREATE TABLE agent_states (
    agent TEXT NOT NULL,
    seq BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT,
    shift TEXT NOT NULL,
    activity TEXT NOT NULL,
    seat_online BIGINT NOT NULL,
    actor TEXT,
    PRIMARY KEY (agent, seq)
);
CREATE INDEX agent_states_open ON agent_states (agent) WHERE until_ms IS NULL;

CREATE TABLE recordings (
    id BIGINT PRIMARY KEY NOT NULL,
    contact BIGINT NOT NULL,
    path TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    closed_ms BIGINT,
    duration_ms BIGINT,
    channels BIGINT NOT NULL,
    rate BIGINT NOT NULL,
    sha256 TEXT,
    gaps TEXT NOT NULL,
    fault TEXT,
    listened BIGINT NOT NULL
);
CREATE INDEX recordings_contact ON recordings (contact);
CREATE INDEX recordings_open ON recordings (id) WHERE state = 'open';

-- Not a projection: the secrets themselves are stored nowhere.
CREATE TABLE tokens (
    sha256 TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    agent TEXT,
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);
CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_ms IS NULL;
