-- The bare catalog query that a plan is measured against: every partitioned table, whole trees, one round trip.
SET jit = off;
WITH RECURSIVE t(oid, root, parent, depth, pending) AS (
  SELECT c.oid, c.oid, NULL::oid, 0, false
    FROM pg_catalog.pg_class c WHERE c.relkind = 'p' AND NOT c.relispartition
  UNION ALL
  SELECT i.inhrelid, t.root, i.inhparent, t.depth + 1, i.inhdetachpending
    FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid)
SELECT t.root, t.parent, t.depth, t.oid, n.nspname, c.relname, c.relkind::text, t.pending,
  pg_catalog.pg_get_expr(c.relpartbound, 0) AS bound,
  coalesce(pp.partdefid = c.oid, false) AS is_default,
  c.reltuples, c.relpages, pg_catalog.pg_get_userbyid(c.relowner) AS owner, ts.spcname, c.relpersistence::text, am.amname, c.relreplident::text, d.description,
  ix.pages AS index_pages, tc.relpages AS toast_pages,
  k.strat, k.cols, k.exprs, k.opclasses, k.collations
FROM t JOIN pg_catalog.pg_class c ON c.oid = t.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_partitioned_table pp ON pp.partrelid = t.parent
  LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
  LEFT JOIN pg_catalog.pg_class tc ON tc.oid = c.reltoastrelid
  LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
  LEFT JOIN (SELECT x.indrelid, sum(xc.relpages) AS pages FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class xc ON xc.oid = x.indexrelid GROUP BY 1) ix ON ix.indrelid = c.oid
  LEFT JOIN LATERAL (
    SELECT pt.partstrat::text AS strat,
      (SELECT array_agg(coalesce(a.attname::text, '') || '|' || coalesce(pg_catalog.format_type(a.atttypid, a.atttypmod), '') ORDER BY o)
         FROM unnest(pt.partattrs::int2[]) WITH ORDINALITY u(att, o) LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = pt.partrelid AND a.attnum = att AND att <> 0) AS cols,
      pg_catalog.pg_get_expr(pt.partexprs, pt.partrelid) AS exprs,
      (SELECT array_agg(on_.nspname || '.' || oc.opcname || CASE WHEN oc.opcdefault THEN '' ELSE '!' END ORDER BY o) FROM unnest(pt.partclass::oid[]) WITH ORDINALITY u(c, o) JOIN pg_catalog.pg_opclass oc ON oc.oid = u.c JOIN pg_catalog.pg_namespace on_ ON on_.oid = oc.opcnamespace) AS opclasses,
      (SELECT array_agg(cn.nspname || '.' || co.collname ORDER BY o) FROM unnest(pt.partcollation::oid[]) WITH ORDINALITY u(c, o) LEFT JOIN pg_catalog.pg_collation co ON co.oid = u.c LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace) AS collations
    FROM pg_catalog.pg_partitioned_table pt WHERE pt.partrelid = c.oid AND c.relkind = 'p') k ON true;
