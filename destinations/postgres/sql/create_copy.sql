-- What a table has of some of its rows, in columns of the same types, for this session alone.
CREATE TEMPORARY TABLE {copy} AS SELECT {columns} FROM {stored} AS s WHERE {rows}
