-- How many things and channels an owner has, by the first byte of their ids: what tells the total of a list, and where an
-- offset is. The prefix is an id all of whose other bytes are 0.
CREATE TABLE owned (
    owner UUID NOT NULL,
    kind VARCHAR(16) NOT NULL,
    prefix UUID NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (owner, kind, prefix)
);
INSERT INTO owned (owner, kind, prefix, count)
SELECT owner, kind, unhex(hex(substr(id, 1, 1)) || '000000000000000000000000000000'), COUNT(*)
FROM (SELECT owner, 'thing' AS kind, id FROM things UNION ALL SELECT owner, 'channel', id FROM channels) AS everything
GROUP BY 1, 2, 3;
