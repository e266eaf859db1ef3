-- The expressions in the keys of these tables ($1), several of one key in one text. Locks each (ACCESS SHARE) for a moment.
SELECT p.partrelid AS oid, pg_catalog.pg_get_expr(p.partexprs, p.partrelid) AS expressions
  FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = ANY ($1)
