-- Partitioned tables at the top of their trees that no policy names ($1 schemas, $2 names), partctl's own left out.
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'p' AND NOT c.relispartition AND c.relpersistence <> 't'
   AND NOT pg_catalog.starts_with(c.relname::text, 'partctl_split_')
   AND NOT EXISTS (SELECT FROM unnest($1, $2) wanted(schema, name)
                    WHERE wanted.schema = n.nspname AND wanted.name = c.relname)
 ORDER BY 1, 2
