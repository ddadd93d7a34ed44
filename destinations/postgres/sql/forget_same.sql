-- What the image has of the rows that do not differ.
DELETE FROM {image} AS s
WHERE NOT EXISTS (SELECT FROM {differing} AS t WHERE {same_key})
