-- Tables that came back from archives and were not released, as far as they still exist.
SELECT DISTINCT d.relation AS oid, n.nspname::text AS schema, c.relname::text AS name, d.restored_from AS from
  FROM partctl.detached_tables d
  JOIN pg_catalog.pg_class c ON c.oid = d.relation AND c.relname = d.table_name
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE d.restored_from IS NOT NULL AND d.released_at IS NULL
 ORDER BY oid
