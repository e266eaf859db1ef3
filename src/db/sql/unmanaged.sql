-- Partitioned tables at the top of their trees that no policy names ($1 schemas, $2 names), with their comments: a
-- partition that is being built bears one, and what is below it goes with it. What DEFAULT is being split into is left out.
SELECT n.nspname::text AS schema, c.relname::text AS name, said.comment,
       CASE WHEN said.comment LIKE 'partctl: unfinished %' THEN
         (WITH RECURSIVE below(oid) AS (
            SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid
            UNION ALL
            SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits i ON i.inhparent = below.oid)
          SELECT pg_catalog.json_agg(pg_catalog.json_build_array(bn.nspname, b.relname))::text
            FROM below JOIN pg_catalog.pg_class b ON b.oid = below.oid
            JOIN pg_catalog.pg_namespace bn ON bn.oid = b.relnamespace) END AS below
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT pg_catalog.obj_description(c.oid, 'pg_class')) said(comment)
 WHERE c.relkind = 'p' AND NOT c.relispartition AND c.relpersistence <> 't'
   AND NOT pg_catalog.starts_with(c.relname::text, 'partctl_split_')
   AND NOT EXISTS (SELECT FROM unnest($1, $2) wanted(schema, name)
                    WHERE wanted.schema = n.nspname AND wanted.name = c.relname)
 ORDER BY 1, 2
