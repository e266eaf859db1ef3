"""Prints what DuckDB and pyarrow make of a Parquet file: per column its types, then its values, one reader a line."""

import sys
import uuid

import duckdb
import pyarrow.parquet

path = sys.argv[1]
table = pyarrow.parquet.read_table(path)
base = duckdb.connect()
base.execute("SET TimeZone = 'UTC'")
types = {row[0]: row[1] for row in base.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()}
for field in table.schema:
    quoted = '"' + field.name.replace('"', '""') + '"'
    rows = base.execute(f"SELECT CAST({quoted} AS VARCHAR) FROM read_parquet(?) ORDER BY id", [path]).fetchall()
    values = table.sort_by("id")[field.name].to_pylist()
    # Older versions of pyarrow know no JSON and no UUID: only what these are stored as is the same in all.
    values = [value.bytes if isinstance(value, uuid.UUID) else value for value in values]
    print(f"{field.name}: {getattr(field.type, 'storage_type', field.type)}, {types[field.name]}")
    shown = ["null" if value is None else repr(value) if isinstance(value, (str, bytes)) else str(value) for value in values]
    print("  pyarrow", " | ".join(shown))
    print("  duckdb ", " | ".join("null" if row[0] is None else repr(row[0]) for row in rows))
