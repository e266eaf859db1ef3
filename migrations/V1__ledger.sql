-- What partctl remembers: its runs, their steps, and the tables it detached, with the clock of their grace.
-- Nothing else of partctl lives in the database; dropping this schema forgets the past and nothing more.
CREATE TABLE partctl.runs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    role        name NOT NULL DEFAULT session_user,
    version     text NOT NULL,
    outcome     text
);
COMMENT ON TABLE partctl.runs IS 'one row per `partctl apply`; finished_at is null while it runs or when it was killed';

CREATE TABLE partctl.steps (
    run_id      bigint NOT NULL REFERENCES partctl.runs ON DELETE CASCADE,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    table_name  text NOT NULL,
    fingerprint text NOT NULL,
    kind        text NOT NULL,
    target      text NOT NULL,
    milliseconds bigint,
    error       text
);
CREATE INDEX ON partctl.steps (run_id);
COMMENT ON TABLE partctl.steps IS 'one row per step that was tried; error is null when it was done';

CREATE TABLE partctl.detached_tables (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation      oid NOT NULL,
    schema_name   name NOT NULL,
    table_name    name NOT NULL,
    parent_schema name NOT NULL,
    parent_name   name NOT NULL,
    bound         text NOT NULL,
    begun_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    detached_at   timestamptz,
    ended_at      timestamptz
);
CREATE UNIQUE INDEX ON partctl.detached_tables (relation) WHERE ended_at IS NULL;
COMMENT ON TABLE partctl.detached_tables IS
    'tables that partctl detached: detached_at starts the grace, null while the detach is under way; '
    'ended_at is when the table was dropped, or seen attached again';
