-- The journal: what a run was told, by whom and from where, and what it came to; what each step ran, and what
-- stopped it. All of it may be null: for runs of an earlier partctl, and where nobody knew.
ALTER TABLE partctl.runs
    ADD COLUMN os_user        text,
    ADD COLUMN client_host    text,
    ADD COLUMN backend_pid    integer,
    ADD COLUMN only_create    boolean,
    ADD COLUMN allow_destroy  boolean,
    ADD COLUMN deadline       interval,
    ADD COLUMN steps_done     integer,
    ADD COLUMN steps_failed   integer,
    ADD COLUMN steps_left_out integer;
COMMENT ON COLUMN partctl.runs.role IS 'session_user: the role that logged in';
COMMENT ON COLUMN partctl.runs.outcome IS '`done`, or the kind of failure as the exit codes name it; null while it runs or when it was killed';
COMMENT ON COLUMN partctl.runs.os_user IS 'the account that the client ran under, as the client says';
COMMENT ON COLUMN partctl.runs.client_host IS 'the name of the machine that the client ran on, as the client says';
COMMENT ON COLUMN partctl.runs.backend_pid IS 'the session that held the run lock: while it still does, the run is running';
COMMENT ON COLUMN partctl.runs.only_create IS '`--only-create`: retirement was left to another run';
COMMENT ON COLUMN partctl.runs.allow_destroy IS '`--allow-destroy`: this run might detach and drop';
COMMENT ON COLUMN partctl.runs.deadline IS '`--deadline`: trying for locks ended after this time';
COMMENT ON COLUMN partctl.runs.steps_left_out IS 'planned, and not tried: a step before them failed, or the run was stopped';

ALTER TABLE partctl.steps
    ADD COLUMN position integer,
    ADD COLUMN sql      text,
    ADD COLUMN sqlstate text,
    ADD COLUMN blockers jsonb;
COMMENT ON COLUMN partctl.steps.fingerprint IS 'of the policy that asked for it: it changes whenever the policy''s meaning does';
COMMENT ON COLUMN partctl.steps.milliseconds IS 'from the step''s start to its commit or failure, waiting for locks included';
COMMENT ON COLUMN partctl.steps.position IS 'where it stood in the plan, from 1; tables are worked on side by side';
COMMENT ON COLUMN partctl.steps.sql IS 'its statements in order, as `partctl plan -o sql` shows them; of a failed step, those that it would have run';
COMMENT ON COLUMN partctl.steps.sqlstate IS 'of the error, when the server said it';
COMMENT ON COLUMN partctl.steps.blockers IS
    'who was in the way when patience ended: [{pid, role, application, state, since, holds, query}], as far as the run''s role could see';
