-- Tables that partctl detached, or began to, as far as they still exist, beside what the catalog says of them now.
SELECT d.relation AS oid, c.oid AS found, c.relkind::text AS kind, n.nspname::text AS schema, c.relname::text AS name,
       d.schema_name::text AS recorded_schema, d.table_name::text AS recorded_name,
       d.parent_schema::text AS parent_schema, d.parent_name::text AS parent_name, d.bound,
       -- Infinity, which only somebody's own UPDATE can have written, has no int8 (22003); the largest lies beyond any calendar.
       CASE WHEN pg_catalog.isfinite(d.detached_at) THEN (extract(epoch FROM d.detached_at) * 1000000)::int8
            WHEN d.detached_at IS NOT NULL THEN 9223372036854775807 END AS detached_at,
       c.relispartition AS attached, CASE WHEN 0 <= c.reltuples THEN c.reltuples::int8 END AS rows, pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS role_is_owner,
       -- 0 is the database's own.
       (SELECT ts.spcname::text FROM pg_catalog.pg_database db JOIN pg_catalog.pg_tablespace ts
            ON ts.oid = CASE c.reltablespace WHEN 0 THEN db.dattablespace ELSE c.reltablespace END
         WHERE db.datname = pg_catalog.current_database()) AS tablespace,
       greatest(c.relpages, 0)::int8
         + coalesce((SELECT pg_catalog.sum(greatest(ic.relpages, 0))::int8 FROM pg_catalog.pg_index x
                       JOIN pg_catalog.pg_class ic ON ic.oid = x.indexrelid WHERE x.indrelid = c.oid), 0)
         + coalesce((SELECT greatest(t.relpages, 0)::int8 FROM pg_catalog.pg_class t WHERE t.oid = c.reltoastrelid), 0) AS pages,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(true, k.conname, fn.nspname, fc.relname,
                 pg_catalog.has_table_privilege(c.relowner, fc.oid, 'UPDATE, DELETE, TRUNCATE'),
                 '{}'::text[], '{}'::text[]) ORDER BY k.conname)::text
          FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class fc ON fc.oid = k.confrelid
          JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
         WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conparentid = 0) AS foreign_keys,
       (SELECT pg_catalog.array_agg(k.conname::text) FROM pg_catalog.pg_constraint k
         WHERE k.conrelid = c.oid AND k.contype = 'c' AND pg_catalog.starts_with(k.conname::text, 'partctl_')) AS leftover_checks
  FROM partctl.detached_tables d
  -- A dump that was restored has the ledger as it was, and new oids: a table of that name is to be told of.
  LEFT JOIN pg_catalog.pg_class own ON own.oid = d.relation
  LEFT JOIN pg_catalog.pg_namespace home ON own.oid IS NULL AND home.nspname = d.schema_name
  LEFT JOIN pg_catalog.pg_class namesake ON namesake.relnamespace = home.oid AND namesake.relname = d.table_name
        AND namesake.relkind IN ('r', 'p', 'f') AND NOT namesake.relispartition
  JOIN pg_catalog.pg_class c ON c.oid = coalesce(own.oid, namesake.oid)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE d.ended_at IS NULL
 ORDER BY d.begun_at, d.relation
