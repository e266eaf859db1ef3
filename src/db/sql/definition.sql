-- One table as it is, for the manifest of its archive. Everything is spelled with schemas: search_path is empty.
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                 'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                 'oid', base.oid::int8, 'modifier', base.modifier, 'enum', t.typtype = 'e',
                 'not_null', a.attnotnull,
                 'collation', CASE WHEN a.attcollation <> own.typcollation AND a.attcollation <> 0
                                   THEN pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname) END,
                 'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
                 'generated', a.attgenerated <> '',
                 'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END) ORDER BY a.attnum)::text
          FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_type own ON own.oid = a.atttypid
          -- A domain is what it is made of, and so is a domain over a domain.
         CROSS JOIN LATERAL (
               WITH RECURSIVE base (oid, modifier, kind, depth) AS (
                      SELECT own.oid, a.atttypmod, own.typtype, 0
                       UNION ALL
                      SELECT b.oid, CASE WHEN dt.typtypmod = -1 THEN base.modifier ELSE dt.typtypmod END, b.typtype, depth + 1
                        FROM base JOIN pg_catalog.pg_type dt ON dt.oid = base.oid
                        JOIN pg_catalog.pg_type b ON b.oid = dt.typbasetype
                       WHERE base.kind = 'd')
               SELECT base.oid, base.modifier FROM base ORDER BY depth DESC LIMIT 1) base
          JOIN pg_catalog.pg_type t ON t.oid = base.oid
          LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
          LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
         WHERE a.attrelid = c.oid AND 0 < a.attnum AND NOT a.attisdropped) AS columns,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', k.conname,
                 'definition', pg_catalog.pg_get_constraintdef(k.oid)) ORDER BY k.conname)::text
          FROM pg_catalog.pg_constraint k
         -- NOT NULL is a constraint of its own from Postgres 18 on, and stands with its column.
         WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')) AS constraints,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', ic.relname,
                 'definition', pg_catalog.pg_get_indexdef(x.indexrelid)) ORDER BY ic.relname)::text
          FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class ic ON ic.oid = x.indexrelid
         WHERE x.indrelid = c.oid) AS indexes,
       (SELECT pg_catalog.pg_get_partkeydef(p.oid) FROM pg_catalog.pg_class p
         WHERE p.relname = $3 AND p.relnamespace = (SELECT pn.oid FROM pg_catalog.pg_namespace pn WHERE pn.nspname = $2)) AS key,
       pg_catalog.current_setting('server_version') AS server,
       pg_catalog.current_setting('server_encoding') AS encoding,
       pg_catalog.current_setting('TimeZone') AS time_zone,
       pg_catalog.current_database()::text AS database,
       session_user::text AS role,
       CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN 1 END AS sees_identity,
       (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8 AS now
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1
