-- What the query that was just prepared names: PREPARE holds a lock on each relation, views resolved, and on no
-- partition. Names are quoted, so that they read back.
WITH mentioned AS MATERIALIZED (
  SELECT DISTINCT l.relation AS oid FROM pg_catalog.pg_locks l
   WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND 16384 <= l.relation)
SELECT all_of_them.relations::text AS relations,
       (SELECT pg_catalog.json_agg(pg_catalog.format_type(u.type, NULL) ORDER BY u.position)::text
          FROM pg_catalog.pg_prepared_statements s,
               pg_catalog.unnest(s.parameter_types) WITH ORDINALITY u(type, position)
         WHERE s.name = 'partctl_probe') AS parameters
  FROM (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'oid', c.oid::int8, 'name', pg_catalog.format('%I.%I', n.nspname, c.relname),
          'visible', pg_catalog.pg_table_is_visible(c.oid),
          'columns', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                             'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, NULL), 'not_null', a.attnotnull)
                             ORDER BY a.attnum), '[]')
                        FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = c.oid AND 0 < a.attnum AND NOT a.attisdropped),
          'key', CASE WHEN p.partrelid IS NOT NULL THEN pg_catalog.json_build_object(
            'strategy', CASE p.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' ELSE 'hash' END,
            'parts', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                             'column', a.attname, 'type', coalesce(pg_catalog.format_type(a.atttypid, NULL), ''),
                             -- Several expressions come in one text, which nobody can part again.
                             'expression', CASE WHEN u.attribute = 0
                                AND (SELECT pg_catalog.count(*) FROM pg_catalog.unnest(p.partattrs::int2[]) x(n) WHERE x.n = 0) = 1
                                THEN pg_catalog.pg_get_expr(p.partexprs, p.partrelid) END,
                             'collation', k.collname, 'column_collation', ac.collname) ORDER BY u.position)
                        FROM ROWS FROM (pg_catalog.unnest(p.partattrs::int2[]), pg_catalog.unnest(p.partcollation::oid[]))
                             WITH ORDINALITY u(attribute, sorted_by, position)
                        LEFT JOIN pg_catalog.pg_attribute a
                          ON a.attrelid = c.oid AND a.attnum = u.attribute AND u.attribute <> 0
                        LEFT JOIN pg_catalog.pg_collation k ON k.oid = u.sorted_by
                        LEFT JOIN pg_catalog.pg_collation ac ON ac.oid = a.attcollation)) END,
          'view', CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END,
          'root', (SELECT pg_catalog.format('%I.%I', rn.nspname, r.relname)
                     FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
                    WHERE c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid)))
          ORDER BY c.oid) AS relations
          FROM mentioned
          JOIN pg_catalog.pg_class c ON c.oid = mentioned.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid) all_of_them
