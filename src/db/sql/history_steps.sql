-- The steps of run $1, of tables $2 only when given, as they ended.
SELECT (s.more ->> 'position')::int8 AS position, s.finished_at, s.table_name, s.fingerprint, s.kind, s.target,
       s.milliseconds, s.error, s.more ->> 'sql' AS sql, s.more ->> 'sqlstate' AS sqlstate,
       (s.more -> 'blockers')::text AS blockers
  FROM (SELECT (extract(epoch FROM t.finished_at) * 1000000)::int8 AS finished_at, t.table_name, t.fingerprint, t.kind,
               t.target, t.milliseconds, t.error, pg_catalog.to_jsonb(t) AS more
          FROM partctl.steps t WHERE t.run_id = $1 AND ($2::text[] IS NULL OR t.table_name = ANY ($2))) s
 ORDER BY s.finished_at, 1
