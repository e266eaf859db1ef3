-- Archives: begun before the first byte leaves, so that the next run knows what an interrupted one left behind, and
-- where. Only verified_at lets a table be dropped.
CREATE TABLE partctl.archives (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation      oid NOT NULL,
    schema_name   name NOT NULL,
    table_name    name NOT NULL,
    parent_schema name NOT NULL,
    parent_name   name NOT NULL,
    bound         text NOT NULL,
    destination   text NOT NULL,
    path          text NOT NULL,
    begun_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    uploads       jsonb NOT NULL DEFAULT '[]',
    verified_at   timestamptz,
    milliseconds  bigint,
    rows          bigint,
    raw_bytes     bigint,
    bytes         bigint,
    fingerprint   text,
    snapshot      pg_snapshot,
    discarded_at  timestamptz,
    deleted_at    timestamptz,
    deleted_by    name,
    deleted_why   text
);
CREATE INDEX ON partctl.archives (relation);
COMMENT ON TABLE partctl.archives IS
    'archives of detached tables: verified_at is when they were read back and found to hold the table''s rows';
COMMENT ON COLUMN partctl.archives.path IS 'the folder of its objects below the destination';
COMMENT ON COLUMN partctl.archives.uploads IS
    '[{name, id}]: uploads in parts that were begun; an interrupted one is given up by the next run';
COMMENT ON COLUMN partctl.archives.raw_bytes IS 'the rows'' bytes as COPY sent them; `bytes` is what is stored';
COMMENT ON COLUMN partctl.archives.snapshot IS 'what its rows were read under: a row that is not visible in it was written later';
COMMENT ON COLUMN partctl.archives.discarded_at IS 'when the objects of one that was never verified were taken away';
COMMENT ON COLUMN partctl.archives.deleted_at IS 'when `archive delete`, or the end of `archive.keep`, took its objects away';
