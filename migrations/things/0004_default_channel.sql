ALTER TABLE things ADD COLUMN default_channel UUID REFERENCES channels (id) ON DELETE SET NULL;
-- A channel that goes has to find the things it was the default of.
CREATE INDEX things_default_channel ON things (default_channel);
