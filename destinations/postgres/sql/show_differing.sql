-- The first few rows of each kind, by key.
SELECT d."#kind", ARRAY[{keys}], coalesce(d."#columns", '{{}}')
FROM (SELECT *, row_number() OVER (PARTITION BY "#kind" ORDER BY {key}) AS "#" FROM {differing}) AS d
WHERE d."#" <= %(shown)s AND d."#kind" <> 'rejected'
ORDER BY d."#kind", d."#"
