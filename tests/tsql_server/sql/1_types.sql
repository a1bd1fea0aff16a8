-- T-SQL's types and the casts and operators that differ from PostgreSQL's.
CREATE SCHEMA tsql;
GRANT USAGE ON SCHEMA tsql TO PUBLIC;
SET search_path = tsql, pg_catalog;

-- Types of their own, so that results say BIT and TINYINT. They are integers in all but name.
CREATE TYPE tsql.bit;
CREATE FUNCTION tsql_bit_in(cstring) RETURNS tsql.bit LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION tsql_bit_out(tsql.bit) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE FUNCTION tsql_bit_recv(internal) RETURNS tsql.bit LANGUAGE internal IMMUTABLE STRICT AS 'int4recv';
CREATE FUNCTION tsql_bit_send(tsql.bit) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'int4send';
CREATE TYPE tsql.bit (INPUT = tsql_bit_in, OUTPUT = tsql_bit_out, RECEIVE = tsql_bit_recv, SEND = tsql_bit_send, LIKE = int4, CATEGORY = 'N');
CREATE TYPE tinyint;
CREATE FUNCTION tinyint_in(cstring) RETURNS tinyint LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION tinyint_out(tinyint) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE FUNCTION tinyint_recv(internal) RETURNS tinyint LANGUAGE internal IMMUTABLE STRICT AS 'int4recv';
CREATE FUNCTION tinyint_send(tinyint) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'int4send';
CREATE TYPE tinyint
    (INPUT = tinyint_in, OUTPUT = tinyint_out, RECEIVE = tinyint_recv, SEND = tinyint_send, LIKE = int4, CATEGORY = 'N');

CREATE CAST (tsql.bit AS int4) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (tinyint AS int4) WITHOUT FUNCTION AS IMPLICIT;

-- To other numbers they go when asked. By themselves only to int4: more ways would leave `tinyint + tinyint` open.
CREATE FUNCTION wider_int2(tsql.bit) RETURNS int2 LANGUAGE internal IMMUTABLE STRICT AS 'i4toi2';
CREATE FUNCTION wider_int8(tsql.bit) RETURNS int8 LANGUAGE internal IMMUTABLE STRICT AS 'int48';
CREATE FUNCTION wider_numeric(tsql.bit) RETURNS numeric LANGUAGE internal IMMUTABLE STRICT AS 'int4_numeric';
CREATE FUNCTION wider_float8(tsql.bit) RETURNS float8 LANGUAGE internal IMMUTABLE STRICT AS 'i4tod';
CREATE CAST (tsql.bit AS int2) WITH FUNCTION wider_int2(tsql.bit) AS ASSIGNMENT;
CREATE CAST (tsql.bit AS int8) WITH FUNCTION wider_int8(tsql.bit) AS ASSIGNMENT;
CREATE CAST (tsql.bit AS numeric) WITH FUNCTION wider_numeric(tsql.bit) AS ASSIGNMENT;
CREATE CAST (tsql.bit AS float8) WITH FUNCTION wider_float8(tsql.bit) AS ASSIGNMENT;
CREATE FUNCTION wider_int2(tinyint) RETURNS int2 LANGUAGE internal IMMUTABLE STRICT AS 'i4toi2';
CREATE FUNCTION wider_int8(tinyint) RETURNS int8 LANGUAGE internal IMMUTABLE STRICT AS 'int48';
CREATE FUNCTION wider_numeric(tinyint) RETURNS numeric LANGUAGE internal IMMUTABLE STRICT AS 'int4_numeric';
CREATE FUNCTION wider_float8(tinyint) RETURNS float8 LANGUAGE internal IMMUTABLE STRICT AS 'i4tod';
CREATE CAST (tinyint AS int2) WITH FUNCTION wider_int2(tinyint) AS ASSIGNMENT;
CREATE CAST (tinyint AS int8) WITH FUNCTION wider_int8(tinyint) AS ASSIGNMENT;
CREATE CAST (tinyint AS numeric) WITH FUNCTION wider_numeric(tinyint) AS ASSIGNMENT;
CREATE CAST (tinyint AS float8) WITH FUNCTION wider_float8(tinyint) AS ASSIGNMENT;

CREATE FUNCTION raw_bit(int4) RETURNS tsql.bit LANGUAGE internal IMMUTABLE STRICT AS 'int4up';
CREATE FUNCTION raw_tinyint(int4) RETURNS tinyint LANGUAGE internal IMMUTABLE STRICT AS 'int4up';
CREATE FUNCTION to_bit(int4) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tsql.raw_bit(CASE WHEN $1 = 0 THEN 0 ELSE 1 END)';
CREATE FUNCTION to_bit(int8) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tsql.raw_bit(CASE WHEN $1 = 0 THEN 0 ELSE 1 END)';
CREATE FUNCTION to_bit(numeric) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tsql.raw_bit(CASE WHEN $1 = 0 THEN 0 ELSE 1 END)';
CREATE FUNCTION to_bit(float8) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tsql.raw_bit(CASE WHEN $1 = 0 THEN 0 ELSE 1 END)';
CREATE FUNCTION to_bit(tinyint) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tsql.raw_bit(CASE WHEN $1::int4 = 0 THEN 0 ELSE 1 END)';
CREATE FUNCTION to_bit(bool) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT tsql.raw_bit(CASE WHEN $1 THEN 1 ELSE 0 END)';
CREATE FUNCTION to_bit(text) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT
    AS $$SELECT tsql.raw_bit(CASE lower(btrim($1)) WHEN 'true' THEN 1 WHEN 'false' THEN 0
        ELSE CASE WHEN $1::int4 = 0 THEN 0 ELSE 1 END END)$$;
CREATE CAST (int4 AS tsql.bit) WITH FUNCTION to_bit(int4) AS ASSIGNMENT;
CREATE CAST (int8 AS tsql.bit) WITH FUNCTION to_bit(int8) AS ASSIGNMENT;
CREATE CAST (numeric AS tsql.bit) WITH FUNCTION to_bit(numeric) AS ASSIGNMENT;
CREATE CAST (float8 AS tsql.bit) WITH FUNCTION to_bit(float8) AS ASSIGNMENT;
CREATE CAST (tinyint AS tsql.bit) WITH FUNCTION to_bit(tinyint) AS ASSIGNMENT;
CREATE CAST (bool AS tsql.bit) WITH FUNCTION to_bit(bool) AS ASSIGNMENT;
CREATE CAST (text AS tsql.bit) WITH FUNCTION to_bit(text) AS ASSIGNMENT;
CREATE CAST (varchar AS tsql.bit) WITH FUNCTION to_bit(text) AS ASSIGNMENT;

CREATE FUNCTION to_tinyint(int8) RETURNS tinyint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF $1 NOT BETWEEN 0 AND 255 THEN
        RAISE numeric_value_out_of_range USING MESSAGE = 'tinyint out of range';
    END IF;
    RETURN tsql.raw_tinyint($1::int4);
END $$;
CREATE FUNCTION to_tinyint(int4) RETURNS tinyint LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT CASE WHEN $1 BETWEEN 0 AND 255 THEN tsql.raw_tinyint($1) ELSE tsql.to_tinyint($1::int8) END';
CREATE FUNCTION to_tinyint(numeric) RETURNS tinyint LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT tsql.to_tinyint(trunc($1)::int8)';
CREATE FUNCTION to_tinyint(float8) RETURNS tinyint LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT tsql.to_tinyint(trunc($1)::int8)';
CREATE FUNCTION to_tinyint(text) RETURNS tinyint LANGUAGE sql IMMUTABLE STRICT AS 'SELECT tsql.to_tinyint($1::int8)';
CREATE CAST (int4 AS tinyint) WITH FUNCTION to_tinyint(int4) AS ASSIGNMENT;
CREATE CAST (int8 AS tinyint) WITH FUNCTION to_tinyint(int8) AS ASSIGNMENT;
CREATE CAST (numeric AS tinyint) WITH FUNCTION to_tinyint(numeric) AS ASSIGNMENT;
CREATE CAST (float8 AS tinyint) WITH FUNCTION to_tinyint(float8) AS ASSIGNMENT;
CREATE CAST (text AS tinyint) WITH FUNCTION to_tinyint(text) AS ASSIGNMENT;
CREATE CAST (varchar AS tinyint) WITH FUNCTION to_tinyint(text) AS ASSIGNMENT;

CREATE DOMAIN money AS numeric(19, 4);
CREATE DOMAIN smallmoney AS numeric(10, 4);
CREATE DOMAIN datetime AS timestamp(3);
CREATE DOMAIN smalldatetime AS timestamp(0);
CREATE DOMAIN sysname AS varchar(128);

-- A decimal or float becomes an integer by dropping what is after the point; PostgreSQL rounds.
CREATE FUNCTION truncated_int2(numeric) RETURNS int2 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT pg_catalog.int2(trunc($1))';
CREATE FUNCTION truncated_int4(numeric) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT pg_catalog.int4(trunc($1))';
CREATE FUNCTION truncated_int8(numeric) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT pg_catalog.int8(trunc($1))';
CREATE FUNCTION truncated_int2(float8) RETURNS int2 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT pg_catalog.int2(trunc($1))';
CREATE FUNCTION truncated_int4(float8) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT pg_catalog.int4(trunc($1))';
CREATE FUNCTION truncated_int8(float8) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT pg_catalog.int8(trunc($1))';
UPDATE pg_cast c SET castfunc = p.oid
FROM pg_proc p
WHERE p.pronamespace = 'tsql'::regnamespace
    AND p.proname LIKE 'truncated_int_'
    AND p.proargtypes[0] = c.castsource
    AND p.prorettype = c.casttarget;
-- Text is read as what it meets.
UPDATE pg_cast SET castcontext = 'a' WHERE castcontext = 'e' AND castsource IN ('int4'::regtype) AND casttarget = 'bool'::regtype;
CREATE CAST (text AS int4) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS int8) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS int2) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS float8) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS date) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS timestamp) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS uuid) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS int4) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS int8) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS int2) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS float8) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS date) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS timestamp) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS uuid) WITH INOUT AS ASSIGNMENT;
CREATE FUNCTION to_numeric(text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS 'SELECT pg_catalog.numeric_in(textout($1), 0, -1)';
CREATE CAST (text AS numeric) WITH FUNCTION to_numeric(text) AS ASSIGNMENT;
CREATE CAST (varchar AS numeric) WITH FUNCTION to_numeric(text) AS ASSIGNMENT;
-- A decimal meets a float as a float in T-SQL; PostgreSQL does so too. A whole number becomes a day after 1900.
CREATE FUNCTION day_of(int4) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
    AS $$SELECT timestamp '1900-01-01' + $1 * interval '1 day'$$;
CREATE CAST (int4 AS timestamp) WITH FUNCTION day_of(int4) AS ASSIGNMENT;

-- `+` joins text. PostgreSQL picks it where either side is text and the other is text or a bare literal.
CREATE OPERATOR + (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.textcat);

-- Sums and counts are as wide as T-SQL's; PostgreSQL's are wider.
CREATE FUNCTION int4_of(int8) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT AS 'int84';
CREATE AGGREGATE count(*) (SFUNC = int8inc, STYPE = int8, FINALFUNC = int4_of, INITCOND = '0', COMBINEFUNC = int8pl,
    MSFUNC = int8inc, MINVFUNC = int8dec, MSTYPE = int8, MFINALFUNC = int4_of, MINITCOND = '0', PARALLEL = SAFE);
CREATE AGGREGATE count("any") (SFUNC = int8inc_any, STYPE = int8, FINALFUNC = int4_of, INITCOND = '0', COMBINEFUNC = int8pl,
    MSFUNC = int8inc_any, MINVFUNC = int8dec_any, MSTYPE = int8, MFINALFUNC = int4_of, MINITCOND = '0', PARALLEL = SAFE);
CREATE AGGREGATE count_big(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE AGGREGATE count_big("any") (SFUNC = int8inc_any, STYPE = int8, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE AGGREGATE sum(int4) (SFUNC = int4_sum, STYPE = int8, FINALFUNC = int4_of, COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE AGGREGATE sum(int8) (SFUNC = int8pl, STYPE = int8, COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE FUNCTION int_average(int8[]) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT CASE WHEN $1[1] > 0 THEN ($1[2] / $1[1])::int4 END';
CREATE AGGREGATE avg(int4) (SFUNC = int4_avg_accum, STYPE = int8[], FINALFUNC = int_average, INITCOND = '{0,0}',
    COMBINEFUNC = int4_avg_combine, PARALLEL = SAFE);
CREATE AGGREGATE stdev(float8) (SFUNC = float8_accum, STYPE = float8[], FINALFUNC = float8_stddev_samp, INITCOND = '{0,0,0}');
