-- A common value of each column, and one from the middle of its histogram with its neighbour.
SELECT s.schemaname::text, s.tablename::text, s.attname::text,
       (s.most_common_vals::text::text[])[1] AS common, h.bounds[h.middle] AS middle, h.bounds[h.middle + 1] AS above
  FROM pg_catalog.unnest($1::text[], $2::text[], $3::text[]) wanted(schema, relation, attribute)
  JOIN pg_catalog.pg_stats s ON s.schemaname = wanted.schema AND s.tablename = wanted.relation
                            AND s.attname = wanted.attribute
  CROSS JOIN LATERAL (
    SELECT s.histogram_bounds::text::text[] AS bounds,
           pg_catalog.cardinality(s.histogram_bounds::text::text[]) / 2 AS middle) h
 ORDER BY s.inherited
