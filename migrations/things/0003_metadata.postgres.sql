-- Things and channels are looked for by what their metadata contains. They are read more often than written: without
-- fastupdate the index is whole at any time.
CREATE INDEX things_metadata ON things USING gin (metadata jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX channels_metadata ON channels USING gin (metadata jsonb_path_ops) WITH (fastupdate = off);
