-- What decides whether rows can leave a partition ($1 schema, $2 name): its columns, triggers, rules,
-- publications and who references it; those of what lies below it as well. A trigger that is part of a constraint is
-- Postgres' own.
WITH RECURSIVE own(oid) AS (
  SELECT c.oid FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
   WHERE n.nspname = $1 AND c.relname = $2),
below(oid) AS (
  SELECT oid FROM own
  UNION ALL
  SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits i ON i.inhparent = below.oid),
above(oid) AS (
  SELECT oid FROM own
  UNION ALL
  SELECT i.inhparent FROM above JOIN pg_catalog.pg_inherits i ON i.inhrelid = above.oid),
states(letter, state) AS (
  VALUES ('O'::"char", 'origin'), ('R', 'replica'), ('A', 'always'), ('D', 'disabled'))
SELECT (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)::text
          FROM own JOIN pg_catalog.pg_attribute a ON a.attrelid = own.oid
         WHERE 0 < a.attnum AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object(
                 'name', t.tgname, 'fires', own.state, 'above', above.state,
                 'on_delete', t.tgtype & 8 <> 0, 'on_insert', t.tgtype & 4 <> 0, 'switchable', NOT t.tgisinternal))::text
          FROM below JOIN pg_catalog.pg_trigger t ON t.tgrelid = below.oid
          LEFT JOIN pg_catalog.pg_trigger p ON p.oid = t.tgparentid
          JOIN states own ON own.letter = t.tgenabled
          LEFT JOIN states above ON above.letter = p.tgenabled
          LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint
         WHERE k.oid IS NULL OR k.contype = 't') AS triggers,
       (SELECT pg_catalog.json_agg(DISTINCT r.rulename)::text
          FROM below JOIN pg_catalog.pg_rewrite r ON r.ev_class = below.oid) AS rules,
       (SELECT pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object(
                 'name', p.pubname, 'inserts', p.pubinsert, 'deletes', p.pubdelete))::text
          FROM (SELECT oid FROM above UNION SELECT oid FROM below) published
          JOIN pg_catalog.pg_class c ON c.oid = published.oid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_publication_tables t ON t.schemaname = n.nspname AND t.tablename = c.relname
          JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname) AS publications,
       (SELECT pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object(
                 'table', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
                 'to_itself', k.confrelid IN (SELECT oid FROM below)))::text
          FROM pg_catalog.pg_constraint k
          JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE k.contype = 'f' AND k.conparentid = 0
           AND (k.confrelid IN (SELECT oid FROM above) OR k.confrelid IN (SELECT oid FROM below))) AS referenced_by
  FROM own
