-- Where pg_partman keeps what it was told: its extension's schema first, else any that has the table.
SELECT n.nspname::text AS schema,
       EXISTS (SELECT FROM pg_catalog.pg_class s
                WHERE s.relname = 'part_config_sub' AND s.relnamespace = n.oid AND s.relkind IN ('r', 'v')) AS has_sub
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'pg_partman' AND e.extnamespace = n.oid
 WHERE c.relname = 'part_config' AND c.relkind IN ('r', 'v')
   AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attname IN ('parent_table', 'partition_interval', 'premake')) = 3
 ORDER BY e.extversion IS NULL, n.nspname
 LIMIT 1
