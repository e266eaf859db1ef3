-- The last step of each table that was tried, and whether it failed.
SELECT DISTINCT ON (s.table_name) s.table_name, s.run_id,
       (extract(epoch FROM s.finished_at) * 1000000)::int8 AS finished_at, s.error IS NOT NULL AS failed
  FROM partctl.steps s
 ORDER BY s.table_name, s.finished_at DESC
