-- A table's columns without its rows, for this session alone.
CREATE TEMPORARY TABLE {image} AS SELECT {columns} FROM {stored} WITH NO DATA
