-- Of these partitions ($1) the indexes of their parents that have no counterpart there, and their own that are not
-- valid. Definitions are only shown where $2: that waits for whoever holds ACCESS EXCLUSIVE on the parent.
SELECT wanted.oid, pg_catalog.json_build_object('missing', pg_catalog.json_build_object(
         'index', pg_catalog.format('%I.%I', n.nspname, xc.relname), 'unique', x.indisunique,
         'constraint', CASE k.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' END,
         'definition', CASE WHEN pg_catalog.starts_with(shown.text, head.text)
                            THEN 'USING ' || pg_catalog.substr(shown.text, pg_catalog.length(head.text) + 1) END))::text AS fault
  FROM pg_catalog.unnest($1::oid[]) wanted(oid)
  JOIN pg_catalog.pg_inherits i ON i.inhrelid = wanted.oid
  JOIN pg_catalog.pg_index x ON x.indrelid = i.inhparent
  JOIN pg_catalog.pg_class xc ON xc.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = xc.relnamespace
  JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = i.inhparent AND k.contype IN ('p', 'u', 'x')
 CROSS JOIN LATERAL (SELECT CASE WHEN $2 THEN pg_catalog.pg_get_indexdef(x.indexrelid) END) shown(text)
 CROSS JOIN LATERAL (SELECT pg_catalog.format('CREATE %sINDEX %I ON ONLY %I.%I USING ', CASE WHEN x.indisunique THEN 'UNIQUE ' END,
                              xc.relname, n.nspname, p.relname)) head(text)
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits a JOIN pg_catalog.pg_index o ON o.indexrelid = a.inhrelid
                    WHERE a.inhparent = x.indexrelid AND o.indrelid = wanted.oid)
 UNION ALL
SELECT wanted.oid, pg_catalog.json_build_object('invalid', pg_catalog.json_build_object(
         'index', pg_catalog.format('%I.%I', n.nspname, xc.relname), 'attached', xc.relispartition))::text
  FROM pg_catalog.unnest($1::oid[]) wanted(oid)
  JOIN pg_catalog.pg_index x ON x.indrelid = wanted.oid AND NOT x.indisvalid
  JOIN pg_catalog.pg_class xc ON xc.oid = x.indexrelid AND xc.relkind = 'i'
  JOIN pg_catalog.pg_namespace n ON n.oid = xc.relnamespace
 ORDER BY 1, 2
