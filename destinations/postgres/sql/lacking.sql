-- The positions of the rows that the table does not hold just so.
SELECT s."#"
FROM unnest({values}) WITH ORDINALITY AS s ({columns}, "#")
WHERE NOT EXISTS (SELECT FROM {target} AS t WHERE {same} AND {is_there})
ORDER BY s."#"
