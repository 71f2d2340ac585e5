-- The columns of 0.9, whose id was random: here it is that of the message, and part the place of the record in it.
-- The key is both how a message is stored only once and how a channel is read, newest first.
CREATE FUNCTION seconds_to_timestamp(DOUBLE PRECISION) RETURNS TIMESTAMPTZ
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT to_timestamp($1) $$;

-- Cut by time: in chunks by TimescaleDB where the database has it, else in partitions of PostgreSQL that are made when they
-- are needed. messages_other has what is of no partition: times far from now.
DO $$
DECLARE
    timescale BOOLEAN := EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb');
BEGIN
    EXECUTE '
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
    )' || CASE WHEN timescale THEN '' ELSE ' PARTITION BY RANGE (time)' END;
    IF timescale THEN
        PERFORM create_hypertable('messages', 'time', chunk_time_interval => INTERVAL '7 days',
            time_partitioning_func => 'seconds_to_timestamp', create_default_indexes => FALSE);
    ELSE
        CREATE TABLE messages_other PARTITION OF messages DEFAULT;
    END IF;
END
$$;

-- The sum of the sizes of a channel's rows, kept with every change.
CREATE TABLE channel_usage (
    channel UUID NOT NULL PRIMARY KEY,
    bytes BIGINT NOT NULL
);
