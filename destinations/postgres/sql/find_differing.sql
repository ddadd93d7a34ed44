-- Rows that are on one side only, or on both with other values; a row that is marked as gone is on neither.
CREATE TEMPORARY TABLE {differing} AS
WITH found AS MATERIALIZED (
    SELECT
        {keys},
        CASE
            WHEN t."#" AND s."#" THEN 'different'
            WHEN t."#" THEN 'extra'
            WHEN EXISTS (
                SELECT FROM penstock.rejects AS r
                WHERE r.schema_name = %(schema)s AND r.table_name = %(table)s AND r.key = {document}
            ) THEN 'rejected'
            ELSE 'missing'
        END AS "#kind",
        CASE WHEN t."#" AND s."#" THEN {changed} END AS "#columns"
    FROM (SELECT true AS "#", t.* FROM {stored} AS t WHERE {stored_is_there}) AS t
    {join} JOIN (SELECT true AS "#", t.* FROM {image} AS t WHERE {image_is_there}) AS s ON {same_key}
    WHERE t."#" IS NULL
       OR (t."#" AND s."#" AND ({may_differ}))
       OR (
            s."#" IS NULL
            AND NOT EXISTS (SELECT FROM "#rejected" AS r WHERE r.table_name = %(table)s AND r.key = {document})
        )
)
SELECT * FROM found WHERE "#kind" <> 'different' OR "#columns" <> '{{}}'
