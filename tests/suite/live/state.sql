-- Tables of the test's own schemas with bound, owner, whatever else can be set on them, indexes and constraints.
SELECT pg_catalog.concat_ws(' | ', n.nspname || '.' || c.relname, c.relkind,
         (SELECT p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid),
         pg_get_expr(c.relpartbound, 0), pg_get_userbyid(c.relowner),
         (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(c.relacl) a), c.relreplident,
         c.relrowsecurity, c.relforcerowsecurity, c.reloptions, obj_description(c.oid, 'pg_class'),
         (SELECT string_agg(a.attname || ' ' || a.attstattarget, ',' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND 0 <= a.attstattarget AND 0 < a.attnum),
         (SELECT string_agg(pg_get_statisticsobjdef_columns(s.oid), ';' ORDER BY s.stxkeys) FROM pg_statistic_ext s WHERE s.stxrelid = c.oid),
         (SELECT string_agg(x.relname || CASE WHEN i.indisreplident THEN '*' ELSE '' END, ',' ORDER BY x.relname)
            FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid),
         (SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname)
            FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'),
         (SELECT string_agg(a.attname::text || a.attidentity::text, ',') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> ''))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'partctl')
   AND n.nspname !~ '^pg_toast'
 ORDER BY 1
