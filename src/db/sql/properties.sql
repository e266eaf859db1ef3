-- What somebody has set on the tables that policies name ($1 schemas, $2 names), and on every partition of theirs on
-- which not the very same is set: where all is in order, one row per table. Nothing here locks a relation.
WITH RECURSIVE roots AS MATERIALIZED (
  SELECT c.oid
    FROM unnest($1, $2) wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind = 'p'),
tree(oid, root) AS (
  SELECT roots.oid, roots.oid FROM roots
  UNION ALL
  SELECT i.inhrelid, tree.root FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid),
-- The array keeps the reading of columns to these relations: as a join it would read every column of the database.
settings AS (
  SELECT a.attrelid, pg_catalog.string_agg(pg_catalog.format('%s %s %s %s', a.attname, a.attstattarget, a.attacl,
           a.attcompression), ' ' ORDER BY a.attname) AS text
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = ANY (ARRAY(SELECT tree.oid FROM tree)) AND 0 < a.attnum
     AND (0 <= a.attstattarget OR a.attacl IS NOT NULL OR a.attcompression <> '')
   GROUP BY a.attrelid),
comments AS (
  SELECT d.objoid, pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, d.description), ' ' ORDER BY a.attname) AS text
    FROM pg_catalog.pg_description d
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid <> 0
   WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
   GROUP BY d.objoid),
statistics AS (
  SELECT e.stxrelid, pg_catalog.jsonb_agg(e.json ORDER BY e.json) AS json
    FROM (SELECT s.stxrelid, pg_catalog.jsonb_build_object('statistics', pg_catalog.jsonb_build_object(
                   'kinds', ARRAY(SELECT k.name FROM (VALUES ('d', 'ndistinct'), ('f', 'dependencies'), ('m', 'mcv')) k(letter, name)
                                   WHERE k.letter::"char" = ANY (s.stxkind)),
                   'columns', ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a
                                     WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys::int2[]) ORDER BY a.attname),
                   -- What the server keeps of expressions, without the numbers of columns, and the columns by their names.
                   'expressions', pg_catalog.md5(
                     pg_catalog.regexp_replace(s.stxexprs::text, ':(varattno|varattnosyn|varoattno|location) -?\d+', '', 'g')
                     || ARRAY(SELECT a.attname
                                FROM pg_catalog.regexp_matches(s.stxexprs::text, ':varattno (\d+)', 'g') WITH ORDINALITY v(number, position)
                                JOIN pg_catalog.pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = v.number[1]::int2
                               ORDER BY v.position)::text))) AS json
            FROM pg_catalog.pg_statistic_ext s
           WHERE s.stxrelid = ANY (ARRAY(SELECT tree.oid FROM tree))) e
   GROUP BY e.stxrelid),
members AS (
  SELECT c.oid, tree.root, c.relnamespace, c.relowner, c.relacl, c.relrowsecurity,
         CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' END AS identity,
         -- Of a partition the table's index that its own one is attached to.
         CASE c.relreplident WHEN 'i' THEN (
           SELECT coalesce((SELECT rc.relname::text FROM pg_catalog.pg_partition_ancestors(x.indexrelid) a
                              JOIN pg_catalog.pg_index rx ON rx.indexrelid = a.relid AND rx.indrelid = tree.root
                              JOIN pg_catalog.pg_class rc ON rc.oid = rx.indexrelid),
                           x.indexrelid::pg_catalog.regclass::text)
             FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisreplident) END AS identity_index,
         settings.text AS settings, comments.text AS comments, statistics.json AS statistics
    FROM tree
    JOIN pg_catalog.pg_class c ON c.oid = tree.oid
    LEFT JOIN settings ON settings.attrelid = c.oid
    LEFT JOIN comments ON comments.objoid = c.oid
    LEFT JOIN statistics ON statistics.stxrelid = c.oid)
SELECT m.oid, pg_catalog.pg_has_role(m.relowner, 'USAGE') AND pg_catalog.pg_has_role(m.relowner, become.privilege) AS role_is_owner,
       CASE WHEN NOT pg_catalog.has_schema_privilege(r.relowner, m.relnamespace, 'USAGE') THEN '"nothing"'
            WHEN NOT pg_catalog.has_schema_privilege(r.relowner, m.relnamespace, 'CREATE') THEN '"use"'
            ELSE '"create"' END AS in_schema, (
  SELECT pg_catalog.json_agg(property.json ORDER BY property.position)::text FROM (
    SELECT pg_catalog.json_build_object('grant', pg_catalog.json_build_object(
             'grantee', CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee) END,
             'privilege', g.privilege_type, 'column', g.attname, 'grantable', pg_catalog.bool_or(g.is_grantable))) AS json,
           -- In the order in which they were granted.
           pg_catalog.min(g.position) AS position
      FROM (SELECT NULL::name AS attname, a.grantee, a.privilege_type, a.is_grantable, a.position
              FROM pg_catalog.aclexplode(m.relacl) WITH ORDINALITY a(grantor, grantee, privilege_type, is_grantable, position)
             UNION ALL
            SELECT t.attname, a.grantee, a.privilege_type, a.is_grantable, NULL
              FROM pg_catalog.pg_attribute t CROSS JOIN LATERAL pg_catalog.aclexplode(t.attacl) a
             WHERE t.attrelid = m.oid AND NOT t.attisdropped) g
     WHERE g.grantee NOT IN (m.relowner, r.relowner)
     GROUP BY g.attname, g.grantee, g.privilege_type
     UNION ALL
    SELECT pg_catalog.json_build_object('replica_identity', m.identity), NULL WHERE m.identity IS NOT NULL
     UNION ALL
    SELECT pg_catalog.json_build_object('replica_identity', pg_catalog.json_build_object('index', m.identity_index)), NULL
     WHERE m.identity_index IS NOT NULL
     UNION ALL
    SELECT pg_catalog.to_json('row_security'::text), NULL WHERE m.relrowsecurity
     UNION ALL
    SELECT setting.json, NULL FROM pg_catalog.pg_attribute a
     CROSS JOIN LATERAL (
           SELECT pg_catalog.json_build_object('statistics_target', pg_catalog.json_build_object('column', a.attname, 'target', a.attstattarget))
            WHERE 0 <= a.attstattarget
            UNION ALL
           SELECT pg_catalog.json_build_object('compression', pg_catalog.json_build_object('column', a.attname, 'method', m.name))
             FROM (VALUES ('p', 'pglz'), ('l', 'lz4')) m(letter, name) WHERE m.letter::"char" = a.attcompression) setting(json)
     WHERE m.settings IS NOT NULL AND a.attrelid = m.oid AND 0 < a.attnum AND NOT a.attisdropped
     UNION ALL
    SELECT statistic.json::json, NULL FROM pg_catalog.jsonb_array_elements(m.statistics) statistic(json)
     UNION ALL
    SELECT pg_catalog.json_build_object('comment', pg_catalog.json_build_object('column', a.attname, 'text', d.description)), NULL
      FROM pg_catalog.pg_description d
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid <> 0
     WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = m.oid
    ) property) AS properties
  FROM members m JOIN members r ON r.oid = m.root
 CROSS JOIN (SELECT $3::text) become(privilege)
 WHERE m.oid = m.root
    OR (m.relowner, m.relrowsecurity, m.identity, m.identity_index, m.settings, m.comments, m.statistics)
       IS DISTINCT FROM
       (r.relowner, r.relrowsecurity, r.identity, r.identity_index, r.settings, r.comments, r.statistics)
    -- Privileges stand in the order in which they were granted.
    OR m.relacl IS DISTINCT FROM r.relacl
       AND ARRAY(SELECT a::text FROM pg_catalog.unnest(m.relacl) a ORDER BY 1)
           IS DISTINCT FROM ARRAY(SELECT a::text FROM pg_catalog.unnest(r.relacl) a ORDER BY 1)
