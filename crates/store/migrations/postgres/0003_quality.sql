-- What each party's audio was like.
CREATE TABLE quality (
    seq BIGINT PRIMARY KEY NOT NULL,
    contact BIGINT NOT NULL,
    agent TEXT,
    measured_ms BIGINT NOT NULL,
    figures TEXT NOT NULL
);
CREATE INDEX quality_contact ON quality (contact);
