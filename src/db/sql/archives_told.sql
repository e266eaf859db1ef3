-- Every archive that was ever verified, deleted ones too, oldest first.
SELECT a.id, a.schema_name::text AS schema, a.table_name::text AS name,
       a.parent_schema::text AS parent_schema, a.parent_name::text AS parent_name, a.bound, a.destination, a.path,
       CASE WHEN pg_catalog.isfinite(a.begun_at) THEN (extract(epoch FROM a.begun_at) * 1000000)::int8 END AS begun_at,
       a.rows, a.bytes, a.fingerprint,
       CASE WHEN pg_catalog.isfinite(a.deleted_at) THEN (extract(epoch FROM a.deleted_at) * 1000000)::int8 END AS deleted_at,
       a.deleted_by::text AS deleted_by, a.deleted_why, a.removed_at IS NOT NULL AS gone
  FROM partctl.archives a
 WHERE a.verified_at IS NOT NULL
 ORDER BY a.id
