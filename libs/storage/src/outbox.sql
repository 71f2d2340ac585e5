CREATE TABLE outbox (
    number BIGINT PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    event TEXT NOT NULL,
    published BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX outbox_pending ON outbox (number) WHERE NOT published;

-- A sequence would number in the order of asking; this one row numbers in the order of commits.
CREATE TABLE outbox_counter (
    id INTEGER PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO outbox_counter (id, number) VALUES (1, 0);
