-- A number for each key in order: the same for keys that the server takes for equal, however they are written.
SELECT dense_rank() OVER (ORDER BY {columns})
FROM unnest({keys}) WITH ORDINALITY AS k ({columns}, "#")
ORDER BY "#"
