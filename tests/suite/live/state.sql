-- Tables of the test's own schemas with bound, owner, privileges, replica identity, indexes, constraints, identity
-- columns and comment.
SELECT pg_catalog.concat_ws(' | ', n.nspname || '.' || c.relname, c.relkind,
         (SELECT p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid),
         pg_get_expr(c.relpartbound, 0), pg_get_userbyid(c.relowner),
         (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(c.relacl) a), c.relreplident,
         (SELECT string_agg(x.relname || CASE WHEN i.indisreplident THEN '*' ELSE '' END, ',' ORDER BY x.relname)
            FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid),
         (SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname)
            FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'),
         (SELECT string_agg(a.attname || a.attidentity, ',') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> ''),
         obj_description(c.oid, 'pg_class'))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'partctl')
   AND n.nspname !~ '^pg_toast'
 ORDER BY 1
