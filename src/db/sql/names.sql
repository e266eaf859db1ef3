-- Every name that a relation or a type has: a new table needs one that neither has.
SELECT n.nspname::text AS schema, taken.name::text AS name
  FROM pg_catalog.pg_namespace n
 CROSS JOIN LATERAL (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid
                      UNION SELECT t.typname FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid) taken(name)
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
