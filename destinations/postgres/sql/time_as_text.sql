coalesce(
    to_char(
        {time} AT TIME ZONE 'UTC',
        CASE
            WHEN date_trunc('milliseconds', {time}) = {time} THEN 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
            ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
        END
    ),
    {time}::text
)
