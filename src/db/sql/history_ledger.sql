-- Whether there is a ledger that tells of runs, and whether this role may read it. No lock is taken on it.
SELECT pg_catalog.count(*) = 2 AS installed,
       coalesce(pg_catalog.bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                                    AND pg_catalog.has_table_privilege(c.oid, 'SELECT')), false) AS readable,
       current_user::text AS role
  FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
 WHERE n.nspname = 'partctl' AND c.relname IN ('runs', 'steps')
