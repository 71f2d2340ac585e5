-- Where TimescaleDB cuts the table, into a chunk for each week that has entries: devices may say any time, and each chunk costs
-- every query that may need it, so that what is before 2020 or after 2049 is stored together. A table that has entries already
-- stays as it is.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_class WHERE oid = CAST('messages' AS regclass) AND relkind = 'r')
        AND NOT EXISTS (SELECT 1 FROM messages) THEN
        CREATE OR REPLACE FUNCTION seconds_to_timestamp(DOUBLE PRECISION) RETURNS TIMESTAMPTZ
            LANGUAGE sql IMMUTABLE PARALLEL SAFE
            AS 'SELECT to_timestamp(LEAST(GREATEST($1, 1577836800), 2524608000))';
    END IF;
END
$$;
