-- One row per table that a policy names, and per partition below one that has partitions itself ($1 schemas, $2 names,
-- $3 schemas where new partitions may go, besides that of each table).
-- partexprs is not shown: that would lock the table. Where a key has no column, expressions.sql is asked.
WITH RECURSIVE tree(oid, depth) AS (
  SELECT c.oid, 0
    FROM unnest($1, $2) wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
  UNION ALL
  SELECT c.partrelid, tree.depth + 1
    FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
    JOIN pg_catalog.pg_partitioned_table c ON c.partrelid = i.inhrelid),
-- Looked through once: far fewer than all constraints, and none of them is found by the table that it references.
foreign_keys AS MATERIALIZED (
  SELECT k.* FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0)
SELECT c.oid, tree.depth = 0 AS is_root, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, c.reltuples::float8 AS reltuples,
       pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AND pg_catalog.pg_has_role(c.relowner, become.privilege) AS role_is_owner,
       pg_catalog.pg_has_role(c.relowner, 'MEMBER') AS role_is_member,
       (SELECT pg_catalog.array_agg(s.nspname::text) FROM pg_catalog.pg_namespace s
         WHERE (s.nspname = ANY ($3) OR s.oid = c.relnamespace) AND pg_catalog.has_schema_privilege(c.relowner, s.oid, 'USAGE')
           AND pg_catalog.has_schema_privilege(c.relowner, s.oid, 'CREATE')) AS creatable,
       pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE') AS owner_uses_schema,
       (SELECT pg_catalog.array_agg(t.spcname::text) FROM pg_catalog.pg_tablespace t
         WHERE NOT pg_catalog.has_tablespace_privilege(c.relowner, t.oid, 'CREATE')) AS denied_tablespaces,
       ts.spcname::text AS tablespace, am.amname::text AS access_method,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('schema', dn.nspname, 'grant', pg_catalog.json_build_object(
                 'grantee', CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END,
                 'privilege', a.privilege_type, 'grantable', a.is_grantable)) ORDER BY dn.nspname, a.grantee, a.privilege_type)::text
          FROM pg_catalog.pg_default_acl d CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) a
          LEFT JOIN pg_catalog.pg_namespace dn ON dn.oid = d.defaclnamespace
         WHERE d.defaclrole = c.relowner AND d.defaclobjtype = 'r' AND (dn.oid IS NULL OR dn.nspname = ANY ($3))
           AND a.grantee <> c.relowner) AS default_grants,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(side.outgoing, k.conname, fn.nspname, fc.relname,
                 pg_catalog.has_table_privilege(c.relowner, fc.oid, 'UPDATE, DELETE, TRUNCATE'),
                 columns.near, columns.far) ORDER BY side.outgoing, k.conname, fc.oid)::text
          FROM foreign_keys k
         CROSS JOIN (VALUES (true), (false)) side(outgoing)
          JOIN pg_catalog.pg_class fc ON fc.oid = CASE WHEN side.outgoing THEN k.confrelid ELSE k.conrelid END
          JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
         CROSS JOIN LATERAL (
               SELECT pg_catalog.array_agg(near.attname::text ORDER BY pair.position) AS near,
                      pg_catalog.array_agg(far.attname::text ORDER BY pair.position) AS far
                 FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey))
                      WITH ORDINALITY pair(referencing, referenced, position)
                 JOIN pg_catalog.pg_attribute near ON near.attrelid = c.oid
                  AND near.attnum = CASE WHEN side.outgoing THEN pair.referencing ELSE pair.referenced END
                 JOIN pg_catalog.pg_attribute far ON far.attrelid = fc.oid
                  AND far.attnum = CASE WHEN side.outgoing THEN pair.referenced ELSE pair.referencing END) columns
         WHERE c.oid = CASE WHEN side.outgoing THEN k.conrelid ELSE k.confrelid END) AS foreign_keys,
       (SELECT pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_array(rn.nspname, r.relname))::text
          FROM foreign_keys k JOIN pg_catalog.pg_class r ON r.oid = k.conrelid
          JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
         WHERE k.confrelid = c.oid
           AND NOT pg_catalog.has_table_privilege(r.oid, 'SELECT')) AS denied_referrers,
       (SELECT pg_catalog.array_agg(k.conname::text ORDER BY k.conname) FROM pg_catalog.pg_constraint k
         WHERE k.conrelid = c.oid AND NOT k.convalidated
           -- From Postgres 18 on there are constraints that nobody enforces.
           AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::bool, true)) AS unvalidated,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid)::int4 AS indexes,
       EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class xc ON xc.oid = x.indexrelid
                 JOIN pg_catalog.pg_am xa ON xa.oid = xc.relam AND xa.amname = 'btree'
                WHERE x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL
                  AND p.partattrs[0] <> 0 AND x.indkey[0] = p.partattrs[0]) AS key_has_index,
       p.partstrat::text AS strategy,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                 a.attname, coalesce(pg_catalog.format_type(a.atttypid, a.atttypmod), pg_catalog.format_type(it.oid, NULL)),
                 -- One by one: a join would read every collation for each table.
                 (SELECT ln.nspname FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
                   WHERE l.oid = u.sorted_by AND l.collname <> 'default'),
                 (SELECT l.collname FROM pg_catalog.pg_collation l WHERE l.oid = u.sorted_by AND l.collname <> 'default'))
                 ORDER BY u.position)::text
          FROM ROWS FROM (pg_catalog.unnest(p.partattrs::int2[]), pg_catalog.unnest(p.partclass::oid[]),
                          pg_catalog.unnest(p.partcollation::oid[]))
               WITH ORDINALITY u(attribute, opclass, sorted_by, position)
          -- The type of an expression is seen without a lock in what its operators compare, unless that is polymorphic.
          JOIN pg_catalog.pg_opclass o ON o.oid = u.opclass
          LEFT JOIN pg_catalog.pg_type it ON it.oid = o.opcintype AND it.typtype <> 'p'
          LEFT JOIN pg_catalog.pg_attribute a
            ON a.attrelid = c.oid AND a.attnum = u.attribute AND u.attribute <> 0) AS key_columns,
       CASE WHEN tree.depth = 0 THEN
      (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attidentity <> '', ln.nspname, l.collname)
                ORDER BY a.attnum)::text
         FROM pg_catalog.pg_attribute a
         LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
         LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
        WHERE a.attrelid = c.oid AND 0 < a.attnum AND NOT a.attisdropped) END AS columns,
       CASE WHEN tree.depth = 0 THEN
      (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(x.relname,
                (SELECT coalesce(pg_catalog.json_agg(a.attname ORDER BY k.position), '[]')
                   FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(attribute, position)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attribute
                  WHERE k.position <= i.indnkeyatts)) ORDER BY x.relname)::text
         FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisunique) END AS unique_keys
  FROM tree
 CROSS JOIN (SELECT $4::text) become(privilege)
  JOIN pg_catalog.pg_class c ON c.oid = tree.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid
  LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam AND c.relkind = 'p'
 ORDER BY n.nspname, c.relname
