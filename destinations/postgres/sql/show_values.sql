-- What both sides have of one row.
SELECT {values}
FROM {kept} AS t
JOIN {image} AS s ON {same_key}
WHERE {this_key}
