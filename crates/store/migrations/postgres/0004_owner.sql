-- One row: the center that may write the journal, and the log's name. Whoever claims the database changes `token`; a writer
-- whose token is another stops before it writes.
CREATE TABLE owner (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    token TEXT NOT NULL,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    data TEXT NOT NULL,
    log TEXT NOT NULL
);
INSERT INTO owner (id, token, host, pid, since_ms, data, log) VALUES (1, '', '', 0, 0, '', '');
