-- The server, the session, and whether the ledger is there. No lock is taken on any user relation.
SELECT pg_catalog.current_setting('server_version_num')::int4 AS version,
       (extract(epoch FROM pg_catalog.transaction_timestamp()) * 1000000)::int8 AS now,
       pg_catalog.current_database()::text AS database,
       current_user::text AS role,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.current_setting('max_locks_per_transaction')::int8
         * (pg_catalog.current_setting('max_connections')::int8
            + pg_catalog.current_setting('max_prepared_transactions')::int8) AS lock_slots,
       ledger.oid IS NOT NULL AS ledger_installed,
       coalesce(pg_catalog.has_schema_privilege(ledger.relnamespace, 'USAGE')
                AND pg_catalog.has_table_privilege(ledger.oid, 'SELECT')
                AND pg_catalog.has_table_privilege(ledger.oid, 'INSERT')
                AND pg_catalog.has_table_privilege(ledger.oid, 'UPDATE'), false) AS ledger_usable,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
         OR coalesce(pg_catalog.pg_has_role(home.nspowner, 'USAGE'), false) AS ledger_installable
  FROM (VALUES (1)) one(row)
  LEFT JOIN pg_catalog.pg_namespace home ON home.nspname = 'partctl'
  LEFT JOIN pg_catalog.pg_class ledger ON ledger.relnamespace = home.oid AND ledger.relname = 'detached_tables'
