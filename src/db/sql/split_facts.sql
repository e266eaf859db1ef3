-- What a partition ($1 schema, $2 name) is, as far as other tables could take its place: the partition key of its table,
-- a key to tell its rows apart, what would be lost with it, and a print of its table's columns, indexes and
-- constraints, which changes when they do.
WITH own AS (
  SELECT c.oid, c.reltype, c.relrowsecurity, c.relforcerowsecurity, i.inhparent AS parent
    FROM pg_catalog.pg_namespace n
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
    JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
   WHERE n.nspname = $1 AND c.relname = $2),
-- Of the table's unique indexes over columns that are never null the primary key, or the one with the fewest columns.
chosen AS (
  SELECT x.indexrelid, x.indrelid, x.indkey::int2[] AS attributes, x.indclass::oid[] AS classes
    FROM own JOIN pg_catalog.pg_index x ON x.indrelid = own.parent
   WHERE x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey::int2[]) AND NOT a.attnotnull)
   ORDER BY x.indisprimary DESC, x.indnkeyatts, x.indexrelid
   LIMIT 1)
SELECT pg_catalog.pg_get_partkeydef(own.parent) AS partitioned_by,
       ARRAY(SELECT part.oid <> 0 FROM pg_catalog.pg_partitioned_table t
              CROSS JOIN pg_catalog.unnest(t.partcollation::oid[]) WITH ORDINALITY part(oid, position)
              WHERE t.partrelid = own.parent ORDER BY part.position) AS collated,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname,
                 'OPERATOR(' || pg_catalog.quote_ident(n.nspname) || '.' || o.oprname || ')') ORDER BY part.position)::text
          FROM chosen
         CROSS JOIN ROWS FROM (pg_catalog.unnest(chosen.attributes), pg_catalog.unnest(chosen.classes))
               WITH ORDINALITY part(attribute, class, position)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = chosen.indrelid AND a.attnum = part.attribute
          JOIN pg_catalog.pg_opclass k ON k.oid = part.class
          JOIN pg_catalog.pg_amop p ON p.amopfamily = k.opcfamily AND p.amopstrategy = 3
           AND p.amoplefttype = k.opcintype AND p.amoprighttype = k.opcintype
          JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr
          JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace) AS key,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(k.conname, pg_catalog.pg_get_constraintdef(k.oid)) ORDER BY k.conname)::text
          FROM pg_catalog.pg_constraint k WHERE k.conrelid = own.parent AND k.contype = 'f') AS foreign_keys,
       (SELECT pg_catalog.json_agg(t.tgname ORDER BY t.tgname)::text FROM pg_catalog.pg_trigger t
         WHERE t.tgrelid = own.oid AND NOT t.tgisinternal AND t.tgparentid = 0
           AND NOT pg_catalog.starts_with(t.tgname::text, 'partctl_')) AS own_triggers,
       own.relrowsecurity OR own.relforcerowsecurity
         OR EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = own.oid) AS row_security,
       (SELECT x.indexrelid::pg_catalog.regclass::text FROM pg_catalog.pg_index x
         WHERE x.indrelid = own.oid AND NOT x.indimmediate ORDER BY 1 LIMIT 1) AS deferrable,
       EXISTS (SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = own.oid) AS subscribed,
       -- A view's rule stands for the view. Its own constraints and defaults depend on it as well, and are copied; a sequence
       -- that one of its columns owns is not, nor a foreign key that its table does not have.
       (SELECT pg_catalog.json_agg(DISTINCT pg_catalog.pg_describe_object(
                 CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END,
                 coalesce(r.ev_class, d.objid), 0))::text
          FROM pg_catalog.pg_depend d
          LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
          LEFT JOIN pg_catalog.pg_class s ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.oid = d.objid AND s.relkind = 'S'
          LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
          LEFT JOIN pg_catalog.pg_attrdef x ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND x.oid = d.objid
         WHERE ((d.deptype = 'n' OR s.oid IS NOT NULL) AND coalesce(k.conrelid, x.adrelid, 0) <> own.oid
                OR k.conrelid = own.oid AND k.contype = 'f' AND k.conparentid = 0)
           AND (d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = own.oid
                OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = own.reltype)) AS dependents,
       pg_catalog.md5(pg_catalog.concat_ws('|',
         (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attnotnull,
                   a.attgenerated, pg_catalog.pg_get_expr(x.adbin, x.adrelid)), ',' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
           WHERE a.attrelid = own.parent AND 0 < a.attnum AND NOT a.attisdropped),
         (SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(x.indexrelid), ',' ORDER BY x.indexrelid)
            FROM pg_catalog.pg_index x WHERE x.indrelid = own.parent),
         (SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ',' ORDER BY k.oid)
            FROM pg_catalog.pg_constraint k WHERE k.conrelid = own.parent))) AS shape
  FROM own
