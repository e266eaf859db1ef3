-- Sessions that hold a lock on these relations ($1 schemas, $2 names), other than this one.
-- query and state are NULL or "<insufficient privilege>" for other roles' sessions without pg_read_all_stats.
SELECT l.pid, n.nspname::text AS schema, c.relname::text AS name, l.mode,
       coalesce(a.usename::text, '') AS role, coalesce(a.application_name, '') AS application,
       coalesce(a.state, '') AS state, coalesce(a.backend_type, '') AS backend_type,
       coalesce(pg_catalog.to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '') AS since,
       coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start), 0)::float8 AS age,
       coalesce(pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 200), '') AS query
  FROM unnest($1, $2) wanted(schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
  JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = c.oid AND l.granted
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
 ORDER BY a.xact_start NULLS LAST, l.pid
