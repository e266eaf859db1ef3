-- The tables that steps were about.
SELECT DISTINCT s.table_name FROM partctl.steps s ORDER BY 1
