-- The server, the session, and whether the ledger is there. No lock is taken on any user relation.
SELECT pg_catalog.current_setting('server_version_num')::int4 AS version,
       (extract(epoch FROM pg_catalog.transaction_timestamp()) * 1000000)::int8 AS now,
       pg_catalog.current_database()::text AS database,
       current_user::text AS role,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_backend_pid() AS backend_pid,
       pg_catalog.current_setting('search_path') = '""' AND pg_catalog.current_setting('TimeZone') = 'UTC'
         AND pg_catalog.current_setting('DateStyle') = 'ISO, YMD' AS pinned,
       pg_catalog.current_setting('max_locks_per_transaction')::int8
         * (pg_catalog.current_setting('max_connections')::int8
            + pg_catalog.current_setting('max_prepared_transactions')::int8) AS lock_slots,
       ledger.tables = 3 AS ledger_installed,
       coalesce(pg_catalog.has_schema_privilege(home.oid, 'USAGE'), false) AND ledger.readable AS ledger_readable,
       ledger.writable AS ledger_writable,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_sessions,
       CASE WHEN home.oid IS NULL THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
            ELSE pg_catalog.has_schema_privilege(home.oid, 'USAGE')
                 AND pg_catalog.has_schema_privilege(home.oid, 'CREATE') END AS ledger_installable,
       ledger.current AS ledger_current,
       (SELECT pg_catalog.has_schema_privilege(home.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
          FROM pg_catalog.pg_class c WHERE c.relnamespace = home.oid AND c.relname = 'archives'
           AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'removed_at')) AS archives_usable,
       coalesce(pg_catalog.has_schema_privilege(home.oid, 'USAGE')
                AND pg_catalog.has_schema_privilege(home.oid, 'CREATE'), false) AND ledger.owned AS ledger_upgradable
  FROM (VALUES (1)) one(row)
  LEFT JOIN pg_catalog.pg_namespace home ON home.nspname = 'partctl'
 CROSS JOIN LATERAL (
       SELECT pg_catalog.count(*) AS tables,
              -- Planning reads the detached tables; a run writes them, itself, and its steps.
              coalesce(pg_catalog.bool_and(c.relname <> 'detached_tables'
                                           OR pg_catalog.has_table_privilege(c.oid, 'SELECT')), false) AS readable,
              coalesce(pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, 'INSERT')
                                           AND (c.relname = 'steps' OR pg_catalog.has_table_privilege(c.oid, 'SELECT')
                                                AND pg_catalog.has_table_privilege(c.oid, 'UPDATE'))), false) AS writable,
              -- What the last migrations added.
              coalesce(pg_catalog.bool_or(c.relname = 'steps' AND EXISTS (
                         SELECT FROM pg_catalog.pg_attribute a
                          WHERE a.attrelid = c.oid AND a.attname = 'blockers' AND NOT a.attisdropped)), false)
                AND coalesce(pg_catalog.bool_or(c.relname = 'detached_tables' AND EXISTS (
                         SELECT FROM pg_catalog.pg_attribute a
                          WHERE a.attrelid = c.oid AND a.attname = 'restored_from' AND NOT a.attisdropped)), false) AS current,
              coalesce(pg_catalog.bool_and(pg_catalog.pg_has_role(c.relowner, 'USAGE')), false) AS owned
         FROM pg_catalog.pg_class c
        WHERE c.relnamespace = home.oid AND c.relname IN ('runs', 'steps', 'detached_tables')) ledger
