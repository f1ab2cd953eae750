-- Contacts whose recordings may not be erased.
CREATE TABLE legal_holds (
    contact BIGINT PRIMARY KEY NOT NULL,
    since_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    person TEXT,
    reason TEXT NOT NULL
);
