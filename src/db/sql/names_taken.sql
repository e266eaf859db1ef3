-- Which of these names ($1 schemas, $2 names) a relation or a type has: a table needs both for itself.
SELECT wanted.schema, wanted.name,
       EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = wanted.name)
       OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid AND t.typname = wanted.name) AS taken
  FROM unnest($1, $2) wanted(schema, name)
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
