-- T-SQL's functions. They are found before PostgreSQL's of the same name and types.
SET search_path = tsql, pg_catalog;

CREATE FUNCTION len(text) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS $$SELECT length(rtrim($1, ' '))$$;
CREATE FUNCTION datalength(text) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT 2 * length($1)';
CREATE FUNCTION datalength(bytea) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT octet_length($1)';
CREATE FUNCTION charindex(text, text) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT strpos(lower($2), lower($1))';
CREATE FUNCTION charindex(text, text, int4) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN strpos(lower(substr($2, greatest($3, 1))), lower($1)) = 0 THEN 0
        ELSE strpos(lower(substr($2, greatest($3, 1))), lower($1)) + greatest($3, 1) - 1 END$$;
CREATE FUNCTION replicate(text, int4) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT repeat($1, $2)';
CREATE FUNCTION stuff(text, int4, int4, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT overlay($1 placing $4 from $2 for $3)';
CREATE FUNCTION space(int4) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT repeat(' ', $1)$$;
CREATE FUNCTION quotename(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT '[' || replace($1, ']', ']]') || ']'$$;
CREATE FUNCTION quotename(text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE $2 WHEN '''' THEN '''' || replace($1, '''', '''''') || '''' WHEN '"' THEN '"' || replace($1, '"', '""') || '"'
        ELSE '[' || replace($1, ']', ']]') || ']' END$$;
CREATE FUNCTION parsename(text, int4) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (SELECT p[cardinality(p) - $2 + 1] FROM (SELECT string_to_array(translate($1, '[]"', ''), '.') AS p) x)$$;
CREATE FUNCTION isnumeric(text) RETURNS int4 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN $1 ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$' THEN 1 ELSE 0 END$$;

CREATE FUNCTION round(float8, int4) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT sign($1) * floor(abs($1) * power(10::float8, $2) + 0.5) / power(10::float8, $2)';
CREATE FUNCTION round(int4, int4) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT round($1::numeric, $2)::int4';
CREATE FUNCTION round(numeric, int4, int4) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT CASE WHEN $3 = 0 THEN round($1, $2) ELSE trunc($1, $2) END';

CREATE FUNCTION getdate() RETURNS datetime LANGUAGE sql STABLE AS 'SELECT clock_timestamp()::timestamp';
CREATE FUNCTION sysdatetime() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT clock_timestamp()::timestamp';
CREATE FUNCTION getutcdate() RETURNS datetime LANGUAGE sql STABLE AS $$SELECT clock_timestamp() AT TIME ZONE 'UTC'$$;
CREATE FUNCTION sysutcdatetime() RETURNS timestamp LANGUAGE sql STABLE AS $$SELECT clock_timestamp() AT TIME ZONE 'UTC'$$;
CREATE FUNCTION sysdatetimeoffset() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT clock_timestamp()';

CREATE FUNCTION part_name(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE lower($1)
        WHEN 'yy' THEN 'year' WHEN 'yyyy' THEN 'year' WHEN 'qq' THEN 'quarter' WHEN 'q' THEN 'quarter'
        WHEN 'mm' THEN 'month' WHEN 'm' THEN 'month' WHEN 'dy' THEN 'dayofyear' WHEN 'y' THEN 'dayofyear'
        WHEN 'dd' THEN 'day' WHEN 'd' THEN 'day' WHEN 'wk' THEN 'week' WHEN 'ww' THEN 'week' WHEN 'dw' THEN 'weekday'
        WHEN 'w' THEN 'weekday' WHEN 'hh' THEN 'hour' WHEN 'mi' THEN 'minute' WHEN 'n' THEN 'minute'
        WHEN 'ss' THEN 'second' WHEN 's' THEN 'second' WHEN 'ms' THEN 'millisecond' WHEN 'mcs' THEN 'microsecond'
        WHEN 'isowk' THEN 'iso_week' WHEN 'isoww' THEN 'iso_week' ELSE lower($1) END$$;
CREATE FUNCTION datepart(text, timestamp) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE part_name
        WHEN 'year' THEN extract(year FROM $2)::int4
        WHEN 'quarter' THEN extract(quarter FROM $2)::int4
        WHEN 'month' THEN extract(month FROM $2)::int4
        WHEN 'day' THEN extract(day FROM $2)::int4
        WHEN 'dayofyear' THEN extract(doy FROM $2)::int4
        WHEN 'weekday' THEN extract(dow FROM $2)::int4 + 1
        WHEN 'iso_week' THEN extract(week FROM $2)::int4
        WHEN 'week' THEN (extract(doy FROM $2)::int4 + extract(dow FROM date_trunc('year', $2))::int4 - 1) / 7 + 1
        WHEN 'hour' THEN extract(hour FROM $2)::int4
        WHEN 'minute' THEN extract(minute FROM $2)::int4
        WHEN 'second' THEN extract(second FROM $2)::int4
        WHEN 'millisecond' THEN extract(millisecond FROM $2)::int4 % 1000
        WHEN 'microsecond' THEN extract(microsecond FROM $2)::int4 % 1000000
    END FROM tsql.part_name($1) AS part_name$$;
CREATE FUNCTION year(timestamp) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT extract(year FROM $1)::int4';
CREATE FUNCTION month(timestamp) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT extract(month FROM $1)::int4';
CREATE FUNCTION day(timestamp) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT extract(day FROM $1)::int4';
CREATE FUNCTION datename(text, timestamp) RETURNS text LANGUAGE sql STABLE STRICT AS $$
    SELECT CASE tsql.part_name($1) WHEN 'month' THEN to_char($2, 'FMMonth') WHEN 'weekday' THEN to_char($2, 'FMDay')
        ELSE tsql.datepart($1, $2)::text END$$;
-- DATEDIFF counts the borders that are crossed, not the time that passes.
CREATE FUNCTION datediff_big(text, timestamp, timestamp) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE tsql.part_name($1)
        WHEN 'day' THEN ($3::date - $2::date)::int8
        WHEN 'dayofyear' THEN ($3::date - $2::date)::int8
        WHEN 'week' THEN floor(($3::date - date '1899-12-31') / 7.0)::int8 - floor(($2::date - date '1899-12-31') / 7.0)::int8
        WHEN 'month' THEN (12 * (extract(year FROM $3) - extract(year FROM $2)) + extract(month FROM $3) - extract(month FROM $2))::int8
        WHEN 'quarter' THEN (4 * (extract(year FROM $3) - extract(year FROM $2)) + extract(quarter FROM $3) - extract(quarter FROM $2))::int8
        WHEN 'year' THEN (extract(year FROM $3) - extract(year FROM $2))::int8
        WHEN 'hour' THEN (extract(epoch FROM date_trunc('hour', $3) - date_trunc('hour', $2)) / 3600)::int8
        WHEN 'minute' THEN (extract(epoch FROM date_trunc('minute', $3) - date_trunc('minute', $2)) / 60)::int8
        WHEN 'second' THEN extract(epoch FROM date_trunc('second', $3) - date_trunc('second', $2))::int8
        WHEN 'millisecond' THEN (1000 * extract(epoch FROM date_trunc('millisecond', $3) - date_trunc('millisecond', $2)))::int8
        WHEN 'microsecond' THEN (1000000 * extract(epoch FROM $3 - $2))::int8
    END$$;
CREATE FUNCTION datediff(text, timestamp, timestamp) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT tsql.datediff_big($1, $2, $3)::int4';
CREATE FUNCTION datediff(text, date, date) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN $1 = 'day' THEN $3 - $2 ELSE tsql.datediff_big($1, $2::timestamp, $3::timestamp)::int4 END$$;
CREATE FUNCTION step(text, int4) RETURNS interval LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE tsql.part_name($1)
        WHEN 'year' THEN make_interval(years => $2) WHEN 'quarter' THEN make_interval(months => 3 * $2)
        WHEN 'month' THEN make_interval(months => $2) WHEN 'week' THEN make_interval(weeks => $2)
        WHEN 'day' THEN make_interval(days => $2) WHEN 'dayofyear' THEN make_interval(days => $2)
        WHEN 'weekday' THEN make_interval(days => $2) WHEN 'hour' THEN make_interval(hours => $2)
        WHEN 'minute' THEN make_interval(mins => $2) WHEN 'second' THEN make_interval(secs => $2)
        WHEN 'millisecond' THEN $2 * interval '1 millisecond' WHEN 'microsecond' THEN $2 * interval '1 microsecond' END$$;
CREATE FUNCTION dateadd(text, int4, date) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ($3 + tsql.step($1, $2))::date';
CREATE FUNCTION dateadd(text, int4, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $3 + tsql.step($1, $2)';
CREATE FUNCTION dateadd(text, int8, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT $3 + tsql.step($1, $2::int4)';
CREATE FUNCTION eomonth(timestamp) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS
    $$SELECT (date_trunc('month', $1) + interval '1 month - 1 day')::date$$;
CREATE FUNCTION eomonth(timestamp, int4) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS
    $$SELECT (date_trunc('month', $1) + make_interval(months => $2 + 1) - interval '1 day')::date$$;
CREATE FUNCTION datefromparts(int4, int4, int4) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS 'SELECT make_date($1, $2, $3)';
CREATE FUNCTION convert_style(timestamp, int4) RETURNS text LANGUAGE sql STABLE STRICT AS $$
    SELECT CASE $2 WHEN 112 THEN to_char($1, 'YYYYMMDD') WHEN 23 THEN to_char($1, 'YYYY-MM-DD')
        WHEN 120 THEN to_char($1, 'YYYY-MM-DD HH24:MI:SS') WHEN 20 THEN to_char($1, 'YYYY-MM-DD HH24:MI:SS')
        WHEN 121 THEN to_char($1, 'YYYY-MM-DD HH24:MI:SS.MS') WHEN 21 THEN to_char($1, 'YYYY-MM-DD HH24:MI:SS.MS')
        WHEN 126 THEN to_char($1, 'YYYY-MM-DD"T"HH24:MI:SS.MS') WHEN 127 THEN to_char($1, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        WHEN 108 THEN to_char($1, 'HH24:MI:SS') WHEN 101 THEN to_char($1, 'MM/DD/YYYY') WHEN 103 THEN to_char($1, 'DD/MM/YYYY')
        WHEN 104 THEN to_char($1, 'DD.MM.YYYY') ELSE to_char($1, 'Mon DD YYYY HH12:MIAM') END$$;
CREATE FUNCTION convert_style(bytea, int4) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE $2 WHEN 1 THEN '0x' ELSE '' END || upper(encode($1, 'hex'))$$;
CREATE FUNCTION hashbytes(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE upper($1) WHEN 'MD5' THEN decode(md5($2), 'hex') WHEN 'SHA2_256' THEN sha256($2::bytea) END$$;
CREATE FUNCTION newid() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()';
-- Whether a text can be read as a type; TRY_CAST asks before it casts.
CREATE FUNCTION can_cast(text, text) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN
    EXECUTE format('SELECT CAST(%L AS %s)', $1, $2);
    RETURN true;
EXCEPTION WHEN data_exception THEN RETURN false;
END $$;
CREATE FUNCTION last_identity() RETURNS int8 LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN lastval();
EXCEPTION WHEN object_not_in_prerequisite_state THEN RETURN NULL;
END $$;
