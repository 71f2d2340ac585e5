-- The columns of 0.9, whose id was random: here it is that of the message, and part the place of the record in it.
-- Clustered by the key, which is both how a message is stored only once and how a channel is read, newest first.
CREATE TABLE messages (
    channel UUID NOT NULL,
    time DOUBLE PRECISION NOT NULL,
    id UUID NOT NULL,
    part INTEGER NOT NULL,
    subtopic TEXT NOT NULL,
    publisher UUID NOT NULL,
    protocol TEXT NOT NULL,
    name TEXT,
    unit TEXT,
    value DOUBLE PRECISION,
    string_value TEXT,
    bool_value BOOLEAN,
    data_value TEXT,
    value_sum DOUBLE PRECISION,
    update_time DOUBLE PRECISION,
    link TEXT,
    -- What could not be decoded, as it came, and why.
    content_type TEXT,
    payload BYTEA,
    reason TEXT,
    -- About how many bytes the row takes.
    size BIGINT NOT NULL,
    PRIMARY KEY (channel, time, id, part)
) WITHOUT ROWID;

-- The sum of the sizes of a channel's rows, kept with every change.
CREATE TABLE channel_usage (
    channel UUID NOT NULL PRIMARY KEY,
    bytes BIGINT NOT NULL
);
