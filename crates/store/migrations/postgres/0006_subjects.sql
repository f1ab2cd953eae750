-- The log by node and number, with whose story each event belongs to (`contact:c06xq3m8k0r000`) and who caused it (JSON). The
-- program brings the events over from `journal_before`, page by page; step 7 drops that table once it is empty.
ALTER TABLE journal RENAME TO journal_before;
CREATE TABLE journal (
    node BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    subject TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    actor TEXT,
    event TEXT NOT NULL,
    PRIMARY KEY (node, seq)
);
CREATE INDEX journal_subject ON journal (subject, node, seq);
