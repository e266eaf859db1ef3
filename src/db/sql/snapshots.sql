-- Sessions of this database that keep a snapshot, oldest transaction first.
SELECT 1::int8 AS position, a.pid, '' AS schema, '' AS name, '' AS mode, true AS granted, a.pid::text AS transaction,
       coalesce(a.usename::text, '') AS role, coalesce(a.application_name, '') AS application,
       coalesce(a.state, '') AS state, false AS autovacuum,
       coalesce(pg_catalog.to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '') AS since,
       extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::float8 AS age,
       coalesce(pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 200), '') AS query
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database() AND a.backend_xmin IS NOT NULL
   AND a.pid <> pg_catalog.pg_backend_pid()
 ORDER BY a.xact_start NULLS LAST, a.pid
