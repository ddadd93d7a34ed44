-- Whether two texts are the same value of a type; not if either is none.
CREATE FUNCTION pg_temp."#same"(one text, other text, as_type text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    same boolean;
BEGIN
    EXECUTE format('SELECT $1::%1$s = $2::%1$s', as_type) INTO same USING one, other;
    RETURN same;
EXCEPTION WHEN data_exception THEN
    RETURN false;
END
$$
