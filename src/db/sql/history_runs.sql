-- Runs, newest first: $1 at most so many, $2 one run, $3 only runs with steps of these tables, $4 and $5 the run lock.
-- to_jsonb reaches the columns that a ledger of an earlier partctl does not have: they are null there.
SELECT r.id, (extract(epoch FROM r.started_at) * 1000000)::int8 AS started_at,
       (extract(epoch FROM r.finished_at) * 1000000)::int8 AS finished_at,
       r.role::text AS role, r.version, r.outcome,
       j.more ->> 'os_user' AS os_user, j.more ->> 'client_host' AS client_host,
       (j.more ->> 'only_create')::bool AS only_create, (j.more ->> 'allow_destroy')::bool AS allow_destroy,
       extract(epoch FROM (j.more ->> 'deadline')::interval)::float8 AS deadline,
       coalesce((j.more ->> 'steps_done')::int8, counted.done) AS done,
       coalesce((j.more ->> 'steps_failed')::int8, counted.failed) AS failed,
       (j.more ->> 'steps_left_out')::int8 AS left_out,
       -- The newest run of the session that holds the run lock: a process id is given to another process some day.
       CASE WHEN r.finished_at IS NULL AND r.id = (
              SELECT pg_catalog.max(other.id) FROM partctl.runs other
               WHERE (pg_catalog.to_jsonb(other) ->> 'backend_pid')::int4 = lock.pid) THEN lock.pid END AS pid,
       extract(epoch FROM pg_catalog.clock_timestamp() - r.started_at)::float8 AS age
  FROM partctl.runs r
 CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(r) AS more) j
 CROSS JOIN LATERAL (SELECT pg_catalog.count(*) FILTER (WHERE s.error IS NULL) AS done,
                            pg_catalog.count(*) FILTER (WHERE s.error IS NOT NULL) AS failed
                       FROM partctl.steps s WHERE s.run_id = r.id) counted
  LEFT JOIN pg_catalog.pg_locks lock
    ON lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 2
   AND lock.classid = $4::int8::oid AND lock.objid = $5::int8::oid
   AND lock.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
   AND lock.pid = (j.more ->> 'backend_pid')::int4
 WHERE ($2::int8 IS NULL OR r.id = $2)
   AND ($3::text[] IS NULL OR EXISTS (SELECT FROM partctl.steps s WHERE s.run_id = r.id AND s.table_name = ANY ($3)))
 ORDER BY r.id DESC
 LIMIT $1
