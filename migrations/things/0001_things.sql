CREATE TABLE things (
    id UUID NOT NULL PRIMARY KEY,
    owner UUID NOT NULL,
    key_hash BYTEA NOT NULL,
    key_sealed BYTEA NOT NULL,
    name VARCHAR(1024) NOT NULL,
    metadata JSONB,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX things_key_hash ON things (key_hash);
CREATE UNIQUE INDEX things_owner_id ON things (owner, id);

CREATE TABLE channels (
    id UUID NOT NULL PRIMARY KEY,
    owner UUID NOT NULL,
    name VARCHAR(1024) NOT NULL,
    metadata JSONB,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX channels_owner_id ON channels (owner, id);

CREATE TABLE connections (
    channel_id UUID NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    thing_id UUID NOT NULL REFERENCES things (id) ON DELETE CASCADE,
    PRIMARY KEY (channel_id, thing_id)
);
CREATE INDEX connections_thing_id ON connections (thing_id, channel_id);

CREATE TABLE certificates (
    sha256 BYTEA NOT NULL PRIMARY KEY,
    thing_id UUID NOT NULL REFERENCES things (id) ON DELETE CASCADE,
    serial VARCHAR(256),
    subject VARCHAR(256),
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    not_after TIMESTAMPTZ
);
CREATE INDEX certificates_thing_id ON certificates (thing_id, sha256);

-- One row: what tells whether this database was written with the same MF_THINGS_SECRET.
CREATE TABLE installation (
    id INTEGER NOT NULL PRIMARY KEY,
    mark BYTEA NOT NULL
);

-- Users who are gone: nothing is created for them any more, not even by a request that was under way.
CREATE TABLE removed_owners (
    owner UUID NOT NULL PRIMARY KEY,
    removed_at TIMESTAMPTZ NOT NULL
);
