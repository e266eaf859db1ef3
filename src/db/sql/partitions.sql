-- Everything below the tables that policies name, one row per relation, parents before children.
-- pg_inherits is walked, not pg_partition_tree: that locks every member and omits partitions pending detach.
-- pg_get_expr with relation 0 takes no lock, so nobody's DDL can hold this query up (Postgres 14-18).
WITH RECURSIVE tree(oid, parent, depth, pending) AS (
  SELECT c.oid, NULL::oid, 0, false
    FROM unnest($1, $2) wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind = 'p'
  UNION ALL
  SELECT i.inhrelid, i.inhparent, tree.depth + 1, i.inhdetachpending
    FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid)
SELECT tree.parent, c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       pg_catalog.pg_get_userbyid(c.relowner)::text AS owner, tree.pending,
       pg_catalog.pg_get_expr(c.relpartbound, 0) AS bound,
       CASE WHEN c.relkind = 'p' THEN -1 ELSE c.reltuples::float8 END AS reltuples,
       pg_catalog.pg_stat_get_live_tuples(c.oid) AS live_tuples,
       greatest(c.relpages, 0)::int8 + coalesce(indexes.pages, 0) + coalesce(greatest(toast.relpages, 0), 0) AS pages,
       coalesce(indexes.count, 0)::int4 AS indexes, coalesce(indexes.attached, 0)::int4 AS attached_indexes,
       coalesce(indexes.valid, true) AS indexes_valid, leftover.checks AS leftover_checks,
       c.reloptions AS storage, toast.reloptions AS toast_storage, c.relkind = 'r' AND c.reltoastrelid = 0 AS lacks_toast,
       ts.spcname::text AS tablespace, am.amname::text AS access_method,
       CASE WHEN split.name IS NULL OR 2 = (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid
                                             AND pg_catalog.starts_with(t.tgname::text, 'partctl_capture') AND t.tgenabled = 'A')
            THEN split.print ELSE '' END AS split_print, split.partitions AS split_into
  FROM tree
  JOIN pg_catalog.pg_class c ON c.oid = tree.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
  LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam AND am.amname <> 'heap'
  LEFT JOIN (SELECT x.indrelid, pg_catalog.sum(greatest(ic.relpages, 0))::int8 AS pages, pg_catalog.count(*) AS count,
                    pg_catalog.count(*) FILTER (WHERE ic.relispartition) AS attached, pg_catalog.bool_and(x.indisvalid) AS valid
               FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class ic ON ic.oid = x.indexrelid
              GROUP BY x.indrelid) indexes ON indexes.indrelid = c.oid
  LEFT JOIN (SELECT k.conrelid, pg_catalog.array_agg(k.conname::text) AS checks FROM pg_catalog.pg_constraint k
              WHERE k.contype = 'c' AND k.conislocal AND pg_catalog.starts_with(k.conname::text, 'partctl_')
              GROUP BY k.conrelid) leftover ON leftover.conrelid = c.oid
  -- What is to take the place of a partition is named after its oid. Without its triggers changes were missed.
  LEFT JOIN (SELECT s.relnamespace, s.relname::text AS name,
                    coalesce(pg_catalog.obj_description(s.oid, 'pg_class'), '') AS print,
                    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(pn.nspname, p.relname) ORDER BY p.relname)::text
                       FROM pg_catalog.pg_inherits i
                       JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid
                       JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                      WHERE i.inhparent = s.oid AND p.relname <> 'partctl_heir_' || pg_catalog.substr(s.relname, 15)) AS partitions
               FROM pg_catalog.pg_class s
              WHERE 'partctl_split_' <= s.relname AND s.relname < 'partctl_split`' AND s.relkind = 'p') split
    ON split.relnamespace = c.relnamespace AND split.name = 'partctl_split_' || c.oid
 WHERE 0 < tree.depth
 ORDER BY tree.depth
