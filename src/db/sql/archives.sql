-- Archives that were verified and are not gone, oldest first.
SELECT a.id, a.relation AS oid, a.schema_name::text AS schema, a.table_name::text AS name,
       a.parent_schema::text AS parent_schema, a.parent_name::text AS parent_name, a.bound, a.destination, a.path,
       (extract(epoch FROM a.begun_at) * 1000000)::int8 AS begun_at,
       (extract(epoch FROM a.verified_at) * 1000000)::int8 AS verified_at,
       a.deleted_at IS NOT NULL AS being_deleted,
       coalesce(a.milliseconds, 0) AS milliseconds, coalesce(a.rows, 0) AS rows, coalesce(a.bytes, 0) AS bytes
  FROM partctl.archives a
 WHERE pg_catalog.isfinite(a.begun_at) AND pg_catalog.isfinite(a.verified_at) AND a.removed_at IS NULL
 ORDER BY a.id
