-- Sessions that hold a lock on these relations, or wait for one ($1 schemas, $2 names, $3 whether what lies below
-- counts as well), other than this one. Without pg_read_all_stats other roles' sessions show neither query nor
-- state nor the age of their transaction (NULL); that a process has no role tells an autovacuum worker even then.
WITH RECURSIVE wanted(oid, below, position) AS (
  SELECT c.oid, named.below, named.position
    FROM unnest($1, $2, $3) WITH ORDINALITY named(schema, name, below, position)
    JOIN pg_catalog.pg_namespace n ON n.nspname = named.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = named.name
  UNION
  SELECT i.inhrelid, true, wanted.position FROM wanted JOIN pg_catalog.pg_inherits i ON i.inhparent = wanted.oid WHERE wanted.below),
locks AS MATERIALIZED (SELECT * FROM pg_catalog.pg_locks),
-- A prepared transaction keeps the virtual transaction of the session that prepared it (-1/xid after a restart); that
-- it holds its own xid as well tells which it is.
prepared AS (
  SELECT x.virtualtransaction, p.prepared, p.owner, p.gid
    FROM locks x JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
   WHERE x.locktype = 'transactionid' AND x.pid IS NULL)
SELECT w.position, l.pid, n.nspname::text AS schema, c.relname::text AS name, l.mode, l.granted,
       l.virtualtransaction AS transaction,
       coalesce(a.usename, p.owner, '')::text AS role, coalesce(a.application_name, '') AS application,
       coalesce(a.state, '') AS state,
       l.pid IS NOT NULL AND a.usesysid IS NULL AS autovacuum,
       coalesce(pg_catalog.to_char(coalesce(a.xact_start, p.prepared), 'YYYY-MM-DD HH24:MI:SS TZ'), '') AS since,
       extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, p.prepared))::float8 AS age,
       coalesce(pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 200),
                'PREPARE TRANSACTION ' || pg_catalog.quote_literal(p.gid), '') AS query
  FROM wanted w
  JOIN pg_catalog.pg_class c ON c.oid = w.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN locks l ON l.locktype = 'relation' AND l.relation = c.oid
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
 WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
 ORDER BY coalesce(a.xact_start, p.prepared) NULLS LAST, l.pid, w.position
