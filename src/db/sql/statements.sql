-- The dearest statements that may touch these tables: their names, or those of views above them, stand in the text.
-- Whose statement it is decides where bare names lead, so each comes with the search_path of its role.
WITH RECURSIVE above AS (
  SELECT pg_catalog.unnest($1::oid[]) AS oid
  UNION
  SELECT r.ev_class
    FROM above
    JOIN pg_catalog.pg_depend d ON d.refobjid = above.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
                               AND d.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid),
names AS MATERIALIZED (
  SELECT DISTINCT pg_catalog.lower(c.relname) AS name FROM above JOIN pg_catalog.pg_class c USING (oid)),
here AS MATERIALIZED (
  SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
dearest AS MATERIALIZED (
  SELECT s.userid, s.query, sum(s.calls)::int8 AS calls, sum(s.total_exec_time)::float8 AS total
    FROM {schema}.pg_stat_statements s
   WHERE s.dbid = (SELECT oid FROM here)
     AND EXISTS (SELECT FROM names n WHERE 0 < pg_catalog.strpos(pg_catalog.lower(s.query), n.name))
   GROUP BY s.userid, s.query
   ORDER BY total DESC
   LIMIT $2)
SELECT d.query, coalesce(r.rolname::text, '') AS role, d.calls, d.total,
       pg_catalog.replace(coalesce(
         (SELECT pg_catalog.substr(c, 13)
            FROM pg_catalog.pg_db_role_setting x, pg_catalog.unnest(x.setconfig) c
           WHERE x.setrole IN (d.userid, 0) AND x.setdatabase IN ((SELECT oid FROM here), 0)
             AND c LIKE 'search\_path=%'
           ORDER BY x.setrole = 0, x.setdatabase = 0
           LIMIT 1), '"$user", public'),
         '"$user"', coalesce(pg_catalog.quote_ident(r.rolname), 'public')) AS path
  FROM dearest d
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = d.userid
 ORDER BY d.total DESC
