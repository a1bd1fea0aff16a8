-- What the server knows of databases, principals and modules, and the views behind sys.* and INFORMATION_SCHEMA.*.
-- A SQL Server database is a group of schemas: [db].[schema] is the schema "db.schema".
SET search_path = tsql, pg_catalog;

CREATE TABLE databases (
    database_id int GENERATED ALWAYS AS IDENTITY, name text NOT NULL, created timestamp(3) NOT NULL DEFAULT localtimestamp);
CREATE UNIQUE INDEX ON databases (lower(name));
CREATE TABLE logins (name text NOT NULL, role text NOT NULL, created timestamp(3) NOT NULL DEFAULT localtimestamp,
    disabled bool NOT NULL DEFAULT false, default_database text NOT NULL DEFAULT 'master', sysadmin bool NOT NULL DEFAULT false);
CREATE UNIQUE INDEX ON logins (lower(name));
-- Users and roles of a database. `role` is PostgreSQL's role: "db.name".
CREATE TABLE principals (db text NOT NULL, name text NOT NULL, type char(1) NOT NULL, role text NOT NULL, login text,
    default_schema text, fixed bool NOT NULL DEFAULT false, created timestamp(3) NOT NULL DEFAULT localtimestamp);
CREATE UNIQUE INDEX ON principals (db, lower(name));
CREATE TABLE permissions (db text NOT NULL, class int NOT NULL, major oid NOT NULL, permission text NOT NULL,
    grantee text NOT NULL, state char(1) NOT NULL DEFAULT 'G', PRIMARY KEY (db, class, major, permission, grantee));
-- The text that made a view. A view whose tables went away is not bound: reading it fails until they are back.
CREATE TABLE modules (object oid PRIMARY KEY, db text NOT NULL, definition text NOT NULL, refs text[] NOT NULL,
    bound bool NOT NULL DEFAULT true);
CREATE TABLE objects_seen (object oid PRIMARY KEY, created timestamp(3) NOT NULL DEFAULT localtimestamp, modified timestamp(3) NOT NULL DEFAULT localtimestamp);
CREATE TABLE long_names (short text PRIMARY KEY, full_name text NOT NULL);
GRANT SELECT ON long_names TO PUBLIC;
CREATE FUNCTION shown(name) RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN strpos($1::text, '~') = 0 THEN $1::varchar ELSE coalesce((SELECT full_name FROM tsql.long_names WHERE short = $1::text), $1::text)::varchar END$$;
CREATE FUNCTION stored(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN octet_length($1) <= 63 THEN $1 ELSE left($1, 40) || '~' || left(encode(sha256(lower($1)::bytea), 'hex'), 20) END$$;
GRANT SELECT ON databases, logins, principals, permissions, modules, objects_seen TO PUBLIC;

CREATE FUNCTION unbound(text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'TS413', MESSAGE =
        format('Could not use view or function ''%s'' because of binding errors.', $1);
END $$;

CREATE FUNCTION db() RETURNS text LANGUAGE sql STABLE AS $$SELECT coalesce(current_setting('tsql.db', true), 'master')$$;
CREATE FUNCTION db_name() RETURNS varchar LANGUAGE sql STABLE AS 'SELECT tsql.db()::varchar';
CREATE FUNCTION db_name(int4) RETURNS varchar LANGUAGE sql STABLE AS 'SELECT name::varchar FROM tsql.databases WHERE database_id = $1';
CREATE FUNCTION db_id() RETURNS int4 LANGUAGE sql STABLE AS 'SELECT database_id FROM tsql.databases WHERE name = tsql.db()';
CREATE FUNCTION db_id(text) RETURNS int4 LANGUAGE sql STABLE AS
    'SELECT database_id FROM tsql.databases WHERE lower(name) = lower($1)';

-- The parts of a name in text, the last first.
CREATE FUNCTION parts(text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    rest text := $1; part text; found text[] := '{}';
BEGIN
    LOOP
        IF left(rest, 1) = '[' THEN
            part := substring(rest FROM '^\[((?:[^]]|\]\])*)\]');
            IF part IS NULL THEN RETURN NULL; END IF;
            rest := substr(rest, length(part) + 3);
            part := replace(part, ']]', ']');
        ELSIF left(rest, 1) = '"' THEN
            part := substring(rest FROM '^"([^"]*)"');
            rest := substr(rest, length(part) + 3);
        ELSE
            part := btrim(split_part(rest, '.', 1));
            rest := substr(rest, length(split_part(rest, '.', 1)) + 1);
        END IF;
        found := part || found;
        EXIT WHEN rest = '' OR left(rest, 1) <> '.';
        rest := substr(rest, 2);
    END LOOP;
    RETURN found;
END $$;
CREATE FUNCTION object_id(text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT c.oid::int4
    FROM tsql.parts($1) AS p, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE lower(c.relname) = lower(tsql.stored(p[1]))
        AND c.relkind IN ('r', 'v', 'S')
        AND (lower(n.nspname) = lower(coalesce(nullif(p[3], ''), tsql.db()) || '.' || coalesce(nullif(p[2], ''), 'dbo'))
            OR (p[1] LIKE '#%' AND n.oid = pg_my_temp_schema()))
    LIMIT 1$$;
CREATE FUNCTION object_id(text, text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT c.oid::int4 FROM pg_class c
    WHERE c.oid = tsql.object_id($1)::oid
        AND c.relkind = CASE upper(btrim($2)) WHEN 'U' THEN 'r' WHEN 'V' THEN 'v' WHEN 'SO' THEN 'S' END::"char"$$;
CREATE FUNCTION object_name(int4) RETURNS varchar LANGUAGE sql STABLE AS 'SELECT tsql.shown(relname) FROM pg_class WHERE oid = $1::oid';
CREATE FUNCTION object_schema_name(int4) RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT substr(n.nspname, strpos(n.nspname, '.') + 1)::varchar
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid$$;
CREATE FUNCTION object_definition(int4) RETURNS text LANGUAGE sql STABLE AS
    'SELECT definition FROM tsql.modules WHERE object = $1::oid';
CREATE FUNCTION schema_id(text) RETURNS int4 LANGUAGE sql STABLE AS
    $$SELECT oid::int4 FROM pg_namespace WHERE lower(nspname) = lower(tsql.db() || '.' || $1)$$;
CREATE FUNCTION schema_id() RETURNS int4 LANGUAGE sql STABLE AS $$SELECT tsql.schema_id('dbo')$$;
CREATE FUNCTION schema_name(int4) RETURNS varchar LANGUAGE sql STABLE AS
    $$SELECT substr(nspname, strpos(nspname, '.') + 1)::varchar FROM pg_namespace WHERE oid = $1::oid$$;
CREATE FUNCTION schema_name() RETURNS varchar LANGUAGE sql STABLE AS $$SELECT 'dbo'::varchar$$;
CREATE FUNCTION type_name_of(oid, int4) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE t.typname
        WHEN 'int2' THEN 'smallint' WHEN 'int4' THEN 'int' WHEN 'oid' THEN 'int' WHEN 'int8' THEN 'bigint'
        WHEN 'numeric' THEN 'decimal' WHEN 'float8' THEN 'float' WHEN 'float4' THEN 'real'
        WHEN 'timestamp' THEN 'datetime2' WHEN 'timestamptz' THEN 'datetimeoffset'
        WHEN 'varchar' THEN 'nvarchar' WHEN 'text' THEN 'nvarchar' WHEN 'bpchar' THEN 'nchar'
        WHEN 'uuid' THEN 'uniqueidentifier' WHEN 'bytea' THEN 'varbinary' WHEN 'bool' THEN 'bit' WHEN 'name' THEN 'sysname'
        ELSE t.typname END
    FROM pg_type t WHERE t.oid = $1$$;
CREATE TABLE types (name text PRIMARY KEY, system_type_id int, user_type_id int, max_length int, "precision" int, scale int);
INSERT INTO types VALUES
    ('int', 56, 56, 4, 10, 0), ('bigint', 127, 127, 8, 19, 0), ('smallint', 52, 52, 2, 5, 0), ('tinyint', 48, 48, 1, 3, 0),
    ('bit', 104, 104, 1, 1, 0), ('decimal', 106, 106, 17, 38, 38), ('numeric', 108, 108, 17, 38, 38), ('money', 60, 60, 8, 19, 4),
    ('smallmoney', 122, 122, 4, 10, 4), ('float', 62, 62, 8, 53, 0), ('real', 59, 59, 4, 24, 0), ('date', 40, 40, 3, 10, 0),
    ('time', 41, 41, 5, 16, 7), ('datetime2', 42, 42, 8, 27, 7), ('datetimeoffset', 43, 43, 10, 34, 7),
    ('datetime', 61, 61, 8, 23, 3), ('smalldatetime', 58, 58, 4, 16, 0), ('nvarchar', 231, 231, 8000, 0, 0),
    ('nchar', 239, 239, 8000, 0, 0), ('varchar', 167, 167, 8000, 0, 0), ('char', 175, 175, 8000, 0, 0),
    ('uniqueidentifier', 36, 36, 16, 0, 0), ('varbinary', 165, 165, 8000, 0, 0), ('xml', 241, 241, -1, 0, 0),
    ('sysname', 231, 256, 256, 0, 0), ('sql_variant', 98, 98, 8016, 0, 0);
GRANT SELECT ON types TO PUBLIC;
CREATE FUNCTION type_name(int4) RETURNS varchar LANGUAGE sql STABLE AS 'SELECT name::varchar FROM tsql.types WHERE user_type_id = $1';
CREATE FUNCTION type_id(text) RETURNS int4 LANGUAGE sql STABLE AS 'SELECT user_type_id FROM tsql.types WHERE name = lower($1)';
CREATE FUNCTION shape(type text, modifier int4, OUT max_length int2, OUT "precision" tinyint, OUT scale tinyint) LANGUAGE sql STABLE AS $$
    SELECT CASE
            WHEN $1 IN ('nvarchar', 'nchar', 'sysname') THEN CASE WHEN $2 > 4 THEN 2 * ($2 - 4) ELSE CASE $1 WHEN 'sysname' THEN 256 ELSE -1 END END
            WHEN $1 = 'varbinary' THEN -1
            WHEN $1 = 'decimal' THEN CASE WHEN p < 10 THEN 5 WHEN p < 20 THEN 9 WHEN p < 29 THEN 13 ELSE 17 END
            ELSE t.max_length END::int2,
        tsql.raw_tinyint(CASE WHEN $1 = 'decimal' THEN p ELSE t.precision END),
        tsql.raw_tinyint(CASE WHEN $1 = 'decimal' THEN CASE WHEN $2 >= 4 THEN ($2 - 4) & 2047 ELSE 6 END ELSE t.scale END)
    FROM tsql.types t, (SELECT CASE WHEN $2 >= 4 THEN (($2 - 4) >> 16) & 65535 ELSE 38 END AS p) x
    WHERE t.name = $1$$;

-- Principals and permissions.
CREATE FUNCTION suser_sname() RETURNS varchar LANGUAGE sql STABLE AS 'SELECT session_user::varchar';
CREATE FUNCTION suser_name() RETURNS varchar LANGUAGE sql STABLE AS 'SELECT session_user::varchar';
CREATE FUNCTION original_login() RETURNS varchar LANGUAGE sql STABLE AS 'SELECT session_user::varchar';
CREATE FUNCTION suser_id(text) RETURNS int4 LANGUAGE sql STABLE AS
    'SELECT oid::int4 FROM pg_roles JOIN tsql.logins ON role = rolname WHERE lower(name) = lower($1)';
CREATE FUNCTION suser_id() RETURNS int4 LANGUAGE sql STABLE AS 'SELECT tsql.suser_id(session_user::text)';
CREATE FUNCTION is_sysadmin() RETURNS bool LANGUAGE sql STABLE AS
    'SELECT coalesce((SELECT sysadmin FROM tsql.logins WHERE role = session_user), false)';
CREATE FUNCTION user_name() RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT coalesce(CASE WHEN tsql.is_sysadmin() THEN 'dbo' END,
        (SELECT name FROM tsql.principals WHERE db = tsql.db() AND lower(login) = lower(session_user::text)), 'guest')::varchar$$;
CREATE FUNCTION user_name(int4) RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT p.name::varchar FROM tsql.principals p JOIN pg_roles r ON r.rolname = p.role WHERE r.oid = $1::oid
    ORDER BY p.type DESC LIMIT 1$$;  -- dbo before db_owner
CREATE FUNCTION database_principal_id(text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT r.oid::int4 FROM tsql.principals p JOIN pg_roles r ON r.rolname = p.role WHERE db = tsql.db() AND lower(p.name) = lower($1)$$;
CREATE FUNCTION database_principal_id() RETURNS int4 LANGUAGE sql STABLE AS 'SELECT tsql.database_principal_id(tsql.user_name())';
CREATE FUNCTION is_rolemember(text, text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN m.role IS NULL OR u.role IS NULL THEN NULL WHEN pg_has_role(u.role, m.role, 'member') THEN 1 ELSE 0 END
    FROM (SELECT 1) one
    LEFT JOIN tsql.principals m ON m.db = tsql.db() AND lower(m.name) = lower($1) AND m.type = 'R'
    LEFT JOIN tsql.principals u ON u.db = tsql.db() AND lower(u.name) = lower($2)$$;
CREATE FUNCTION is_rolemember(text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN lower($1) = 'public' THEN 1 WHEN tsql.is_sysadmin() THEN CASE lower($1) WHEN 'db_owner' THEN 1 ELSE 0 END
        ELSE tsql.is_rolemember($1, tsql.user_name()) END$$;
CREATE FUNCTION is_member(text) RETURNS int4 LANGUAGE sql STABLE AS 'SELECT tsql.is_rolemember($1)';
CREATE FUNCTION is_srvrolemember(text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN lower($1) = 'public' THEN 1 WHEN tsql.is_sysadmin() THEN 1 ELSE 0 END$$;
CREATE FUNCTION is_srvrolemember(text, text) RETURNS int4 LANGUAGE sql STABLE AS
    'SELECT CASE WHEN sysadmin THEN 1 ELSE 0 END FROM tsql.logins WHERE lower(name) = lower($2)';
CREATE FUNCTION has_dbaccess(text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN tsql.is_sysadmin() OR lower(d.name) IN ('master', 'tempdb')
            OR EXISTS (SELECT 1 FROM tsql.principals p WHERE p.db = d.name AND lower(p.login) = lower(session_user::text)) THEN 1 ELSE 0 END
    FROM tsql.databases d WHERE lower(d.name) = lower($1)$$;
CREATE FUNCTION has_perms_by_name(text, text, text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN tsql.is_sysadmin() THEN 1
        WHEN upper($2) = 'OBJECT' THEN (SELECT CASE WHEN has_table_privilege(tsql.object_id($1)::oid,
            CASE upper($3) WHEN 'ALTER' THEN 'TRIGGER' WHEN 'CONTROL' THEN 'TRIGGER' ELSE $3 END) THEN 1 ELSE 0 END)
        WHEN upper($2) = 'SCHEMA' THEN (SELECT CASE WHEN has_schema_privilege(tsql.schema_id($1)::oid, 'CREATE') THEN 1 ELSE 0 END)
        WHEN tsql.is_rolemember('db_owner') = 1 THEN 1
        ELSE (SELECT count(*)::int4 FROM (SELECT 1 FROM tsql.permissions p JOIN tsql.principals g ON g.db = p.db AND g.name = p.grantee
            WHERE p.db = tsql.db() AND p.class = 0 AND p.permission = upper($3) AND pg_has_role(g.role, 'member') LIMIT 1) x)
    END$$;

-- Properties.
CREATE FUNCTION serverproperty(text) RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT CASE lower($1) WHEN 'productversion' THEN '14.0.3465.1' WHEN 'productmajorversion' THEN '14' WHEN 'productlevel' THEN 'RTM'
        WHEN 'edition' THEN 'Developer Edition (64-bit)' WHEN 'engineedition' THEN '3' WHEN 'servername' THEN 'tsql-stand-in'
        WHEN 'machinename' THEN 'tsql-stand-in' WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS'
        WHEN 'isintegratedsecurityonly' THEN '0' WHEN 'productupdatelevel' THEN 'CU31' END::varchar$$;
CREATE FUNCTION databasepropertyex(text, text) RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT CASE lower($2) WHEN 'status' THEN 'ONLINE' WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS'
        WHEN 'recovery' THEN 'SIMPLE' WHEN 'updateability' THEN 'READ_WRITE' END::varchar
    FROM tsql.databases WHERE lower(name) = lower($1)$$;
CREATE FUNCTION fileproperty(text, text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE lower($2) WHEN 'spaceused' THEN (SELECT coalesce(sum(pg_total_relation_size(c.oid)) / 8192, 0)::int4 + 400
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname LIKE tsql.db() || '.%') END$$;
CREATE FUNCTION columnproperty(int4, text, text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE lower($3) WHEN 'allowsnull' THEN CASE WHEN attnotnull THEN 0 ELSE 1 END WHEN 'isidentity' THEN CASE WHEN attidentity <> '' THEN 1 ELSE 0 END
        WHEN 'iscomputed' THEN CASE WHEN attgenerated <> '' THEN 1 ELSE 0 END WHEN 'ordinal' THEN attnum::int4 END
    FROM pg_attribute WHERE attrelid = $1::oid AND lower(attname) = lower($2)$$;
CREATE FUNCTION objectproperty(int4, text) RETURNS int4 LANGUAGE sql STABLE AS $$
    SELECT CASE lower($2) WHEN 'istable' THEN CASE WHEN relkind = 'r' THEN 1 ELSE 0 END WHEN 'isusertable' THEN CASE WHEN relkind = 'r' THEN 1 ELSE 0 END
        WHEN 'isview' THEN CASE WHEN relkind = 'v' THEN 1 ELSE 0 END WHEN 'ownerid' THEN relowner::int4 END FROM pg_class WHERE oid = $1::oid$$;
CREATE FUNCTION host_name() RETURNS varchar LANGUAGE sql STABLE AS $$SELECT split_part(current_setting('application_name'), '|', 2)::varchar$$;
CREATE FUNCTION app_name() RETURNS varchar LANGUAGE sql STABLE AS $$SELECT split_part(current_setting('application_name'), '|', 3)::varchar$$;

-- Application locks are advisory locks on a hash of database and name.
CREATE FUNCTION applock_key(text) RETURNS int8 LANGUAGE sql STABLE STRICT AS $$SELECT hashtextextended(tsql.db() || chr(10) || $1, 20)$$;
CREATE FUNCTION applock_mode(text, text, text) RETURNS varchar LANGUAGE sql VOLATILE AS $$
    SELECT coalesce((SELECT CASE mode WHEN 'ExclusiveLock' THEN 'Exclusive' ELSE 'Shared' END FROM pg_locks, tsql.applock_key($2) AS key
        WHERE locktype = 'advisory' AND objsubid = 1 AND pid = pg_backend_pid() AND granted
            AND classid::int8 = (key >> 32) & 4294967295 AND objid::int8 = key & 4294967295 ORDER BY mode LIMIT 1), 'NoLock')::varchar$$;
CREATE FUNCTION applock_test(text, text, text, text) RETURNS int4 LANGUAGE plpgsql VOLATILE AS $$
DECLARE key int8 := tsql.applock_key($2);
BEGIN
    IF lower($3) = 'shared' THEN
        IF pg_try_advisory_lock_shared(key) THEN PERFORM pg_advisory_unlock_shared(key); RETURN 1; END IF;
    ELSIF pg_try_advisory_lock(key) THEN PERFORM pg_advisory_unlock(key); RETURN 1;
    END IF;
    RETURN 0;
END $$;

-- The views. The first column says which database a row belongs to; each database has views of its own rows.
CREATE SCHEMA tsql_views;
GRANT USAGE ON SCHEMA tsql_views TO PUBLIC;
SET search_path = tsql_views, tsql, pg_catalog;
CREATE FUNCTION tsql.db_of(name) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT split_part($1::text, '.', 1)$$;
CREATE FUNCTION tsql.schema_of(name) RETURNS varchar LANGUAGE sql IMMUTABLE AS $$SELECT substr($1::text, strpos($1::text, '.') + 1)::varchar$$;
CREATE VIEW schemas AS
    SELECT db_of(n.nspname) AS db, schema_of(n.nspname)::varchar(128) AS name, n.oid::int4 AS schema_id, n.nspowner::int4 AS principal_id
    FROM pg_namespace n WHERE strpos(n.nspname, '.') > 0;
CREATE VIEW objects AS
    SELECT db_of(n.nspname) AS db, shown(c.relname)::varchar(128) AS name, c.oid::int4 AS object_id, NULL::int4 AS principal_id,
        n.oid::int4 AS schema_id, 0 AS parent_object_id,
        CASE c.relkind WHEN 'r' THEN 'U ' WHEN 'v' THEN 'V ' WHEN 'S' THEN 'SO' END::char(2) AS type,
        CASE c.relkind WHEN 'r' THEN 'USER_TABLE' WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE_OBJECT' END::varchar(60) AS type_desc,
        coalesce(s.created, timestamp '2026-01-01')::datetime AS create_date,
        coalesce(s.modified, timestamp '2026-01-01')::datetime AS modify_date, raw_bit(0) AS is_ms_shipped
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN objects_seen s ON s.object = c.oid
    WHERE c.relkind IN ('r', 'v', 'S') AND strpos(n.nspname, '.') > 0 AND schema_of(n.nspname) NOT IN ('sys', 'INFORMATION_SCHEMA')
        AND (pg_has_role(c.relowner, 'USAGE')
            OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER'));
CREATE VIEW all_objects AS SELECT * FROM objects;
CREATE VIEW tables AS
    SELECT *, raw_bit(0) AS is_replicated, raw_tinyint(0) AS temporal_type, raw_bit(0) AS is_external, raw_bit(0) AS is_memory_optimized
    FROM objects WHERE type = 'U ';
CREATE VIEW views AS SELECT *, raw_bit(0) AS with_check_option FROM objects WHERE type = 'V ';
CREATE VIEW all_views AS SELECT * FROM views;
CREATE VIEW types AS
    SELECT d.name AS db, t.name::varchar(128) AS name, raw_tinyint(t.system_type_id) AS system_type_id, t.user_type_id, 4 AS schema_id,
        t.max_length::int2 AS max_length, raw_tinyint(t.precision) AS "precision", raw_tinyint(t.scale) AS scale,
        raw_bit(0) AS is_user_defined, raw_bit(1) AS is_nullable
    FROM tsql.types t, databases d;
CREATE VIEW columns AS
    SELECT o.db, o.object_id, a.attname::varchar(128) AS name, a.attnum::int4 AS column_id, raw_tinyint(t.system_type_id) AS system_type_id,
        t.user_type_id, s.max_length, s.precision, s.scale,
        CASE WHEN t.name IN ('nvarchar', 'nchar', 'sysname') THEN 'SQL_Latin1_General_CP1_CI_AS' END::varchar(128) AS collation_name,
        raw_bit(CASE WHEN a.attnotnull THEN 0 ELSE 1 END) AS is_nullable,
        raw_bit(CASE WHEN a.attidentity = '' THEN 0 ELSE 1 END) AS is_identity,
        raw_bit(CASE WHEN a.attgenerated = '' THEN 0 ELSE 1 END) AS is_computed, raw_bit(0) AS is_hidden,
        CASE WHEN a.atthasdef AND a.attgenerated = '' THEN a.attnum::int4 ELSE 0 END AS default_object_id
    FROM objects o JOIN pg_attribute a ON a.attrelid = o.object_id::oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN tsql.types t ON t.name = type_name_of(a.atttypid, a.atttypmod), shape(t.name, a.atttypmod) s;
CREATE VIEW all_columns AS SELECT * FROM columns;
CREATE VIEW computed_columns AS SELECT c.*, raw_bit(1) AS is_persisted, ''::text AS definition FROM columns c WHERE is_computed = 1;
CREATE VIEW identity_columns AS SELECT * FROM columns WHERE is_identity = 1;
CREATE VIEW masked_columns AS SELECT c.*, ''::text AS masking_function, raw_bit(0) AS is_masked FROM columns c WHERE false;
-- The name and kind of an index stand in its comment: `name|CLUSTERED`.
CREATE VIEW indexes AS
    SELECT o.db, o.object_id, coalesce(x.parts[1], i.relname::text)::varchar(128) AS name,
        row_number() OVER (PARTITION BY o.object_id ORDER BY coalesce(x.parts[2], 'N') NOT LIKE 'CLUSTERED%', i.oid)::int4 AS index_id,
        raw_tinyint(CASE x.parts[2] WHEN 'CLUSTERED' THEN 1 WHEN 'CLUSTERED COLUMNSTORE' THEN 5 ELSE CASE WHEN d.indisprimary THEN 1 ELSE 2 END END) AS type,
        CASE x.parts[2] WHEN 'CLUSTERED' THEN 'CLUSTERED' WHEN 'CLUSTERED COLUMNSTORE' THEN 'CLUSTERED COLUMNSTORE'
            ELSE CASE WHEN d.indisprimary THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END END::varchar(60) AS type_desc,
        raw_bit(d.indisunique::int4) AS is_unique, raw_bit(d.indisprimary::int4) AS is_primary_key,
        raw_bit((EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype = 'u'))::int4) AS is_unique_constraint,
        raw_bit(0) AS is_disabled, raw_bit(0) AS is_hypothetical, raw_tinyint(0) AS fill_factor, raw_bit(0) AS ignore_dup_key,
        raw_bit((d.indpred IS NOT NULL)::int4) AS has_filter, pg_get_expr(d.indpred, d.indrelid)::text AS filter_definition,
        1 AS data_space_id, i.oid AS pg_index
    FROM objects o JOIN pg_index d ON d.indrelid = o.object_id::oid JOIN pg_class i ON i.oid = d.indexrelid,
        LATERAL (SELECT string_to_array(obj_description(i.oid, 'pg_class'), '|') AS parts) x
    UNION ALL
    SELECT o.db, o.object_id, NULL, 0, raw_tinyint(0), 'HEAP', raw_bit(0), raw_bit(0), raw_bit(0), raw_bit(0), raw_bit(0), raw_tinyint(0),
        raw_bit(0), raw_bit(0), NULL, 1, 0::oid
    FROM objects o WHERE o.type = 'U ';
CREATE VIEW index_columns AS
    SELECT i.db, i.object_id, i.index_id, k.position::int4 AS index_column_id, d.indkey[k.position - 1]::int4 AS column_id,
        raw_tinyint(CASE WHEN k.position <= d.indnkeyatts THEN k.position::int4 ELSE 0 END) AS key_ordinal, raw_tinyint(0) AS partition_ordinal,
        raw_bit(CASE WHEN k.position <= d.indnkeyatts THEN d.indoption[k.position - 1] & 1 ELSE 0 END) AS is_descending_key,
        raw_bit((k.position > d.indnkeyatts)::int4) AS is_included_column
    FROM indexes i JOIN pg_index d ON d.indexrelid = i.pg_index, generate_series(1, d.indnatts) AS k(position);
CREATE FUNCTION tsql.row_count(oid) RETURNS int8 LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE counted int8;
BEGIN
    EXECUTE format('SELECT pg_catalog.count(*) FROM %s', $1::regclass) INTO counted;
    RETURN counted;
END $$;
CREATE VIEW partitions AS
    SELECT db, object_id::int8 * 1000 + index_id AS partition_id, object_id, index_id, 1 AS partition_number,
        object_id::int8 * 1000 + index_id AS hobt_id, row_count(object_id::oid) AS rows, raw_tinyint(0) AS data_compression,
        'NONE'::varchar(60) AS data_compression_desc
    FROM indexes;
CREATE VIEW dm_db_partition_stats AS
    SELECT db, partition_id, object_id, index_id, 1 AS partition_number, rows AS row_count,
        (pg_relation_size(object_id::oid) / 8192)::int8 AS used_page_count, (pg_relation_size(object_id::oid) / 8192)::int8 AS reserved_page_count
    FROM partitions;
CREATE VIEW allocation_units AS
    SELECT db, object_id::int8 * 1000 + index_id AS allocation_unit_id, raw_tinyint(1) AS type, 'IN_ROW_DATA'::varchar(60) AS type_desc,
        object_id::int8 * 1000 + index_id AS container_id,
        CASE WHEN index_id = 0 THEN pg_relation_size(object_id::oid) / 8192 ELSE pg_relation_size(pg_index) / 8192 END AS total_pages,
        CASE WHEN index_id = 0 THEN pg_relation_size(object_id::oid) / 8192 ELSE pg_relation_size(pg_index) / 8192 END AS used_pages,
        0::int8 AS data_pages
    FROM indexes;
CREATE VIEW sql_modules AS
    SELECT m.db, m.object::int4 AS object_id, m.definition, raw_bit(1) AS uses_ansi_nulls, raw_bit(0) AS is_schema_bound
    FROM modules m JOIN objects o ON o.object_id = m.object::int4;
-- No sql_expression_dependencies: only the owner of a database may read it, and nothing of ours is one.
CREATE VIEW database_principals AS
    SELECT p.db, p.name::varchar(128) AS name, r.oid::int4 AS principal_id, p.type::char(1) AS type,
        CASE p.type WHEN 'R' THEN 'DATABASE_ROLE' ELSE 'SQL_USER' END::varchar(60) AS type_desc,
        p.default_schema::varchar(128) AS default_schema_name, p.created::datetime AS create_date, raw_bit(p.fixed::int4) AS is_fixed_role,
        CASE p.type WHEN 'R' THEN shobj_description(r.oid, 'pg_authid')::int4 END AS owning_principal_id,
        decode(lpad(to_hex(l.oid::int4), 8, '0'), 'hex') AS sid, CASE WHEN p.login IS NULL THEN 'NONE' ELSE 'INSTANCE' END::varchar(60) AS authentication_type_desc
    FROM principals p JOIN pg_roles r ON r.rolname = p.role LEFT JOIN pg_roles l ON l.rolname = p.login;
CREATE VIEW database_role_members AS
    SELECT p.db, m.roleid::int4 AS role_principal_id, m.member::int4 AS member_principal_id
    FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN principals p ON p.role = r.rolname AND p.type = 'R'
    JOIN pg_roles u ON u.oid = m.member JOIN principals q ON q.role = u.rolname;
CREATE VIEW server_principals AS
    SELECT d.name AS db, l.name::varchar(128) AS name, r.oid::int4 AS principal_id, 'S'::char(1) AS type, 'SQL_LOGIN'::varchar(60) AS type_desc,
        decode(lpad(to_hex(r.oid::int4), 8, '0'), 'hex') AS sid, raw_bit(l.disabled::int4) AS is_disabled, l.default_database::varchar(128) AS default_database_name
    FROM logins l JOIN pg_roles r ON r.rolname = l.role, databases d;
CREATE VIEW sql_logins AS SELECT *, raw_bit(0) AS is_policy_checked FROM server_principals;
CREATE VIEW syslogins AS SELECT db, name, name AS loginname, sid FROM server_principals;
CREATE VIEW database_permissions AS
    SELECT p.db, raw_tinyint(p.class) AS class, CASE p.class WHEN 0 THEN 'DATABASE' WHEN 1 THEN 'OBJECT_OR_COLUMN' ELSE 'SCHEMA' END::varchar(60) AS class_desc,
        p.major::int4 AS major_id, 0 AS minor_id, r.oid::int4 AS grantee_principal_id,
        (SELECT oid::int4 FROM pg_roles WHERE rolname = p.db || '.db_owner') AS grantor_principal_id,
        left(p.permission, 4)::char(4) AS type, p.permission::varchar(128) AS permission_name, p.state::char(1) AS state,
        CASE p.state WHEN 'G' THEN 'GRANT' WHEN 'D' THEN 'DENY' ELSE 'GRANT_WITH_GRANT_OPTION' END::varchar(60) AS state_desc
    FROM permissions p JOIN principals g ON g.db = p.db AND g.name = p.grantee JOIN pg_roles r ON r.rolname = g.role
    WHERE p.class <> 1 OR EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = p.major);
CREATE VIEW all_databases AS
    SELECT d.name AS db, x.name::varchar(128) AS name, x.database_id, x.created::datetime AS create_date, raw_tinyint(140) AS compatibility_level,
        'SQL_Latin1_General_CP1_CI_AS'::varchar(128) AS collation_name, raw_tinyint(0) AS state, 'ONLINE'::varchar(60) AS state_desc,
        raw_bit(1) AS is_read_committed_snapshot_on, raw_tinyint(1) AS snapshot_isolation_state, 'ON'::varchar(60) AS snapshot_isolation_state_desc,
        raw_tinyint(3) AS recovery_model, 'SIMPLE'::varchar(60) AS recovery_model_desc, raw_bit(0) AS is_read_only, raw_tinyint(0) AS user_access,
        'MULTI_USER'::varchar(60) AS user_access_desc, NULL::int4 AS source_database_id
    FROM databases x, databases d;
CREATE VIEW extended_properties AS
    SELECT ''::text AS db, raw_tinyint(0) AS class, ''::varchar(60) AS class_desc, 0 AS major_id, 0 AS minor_id, ''::varchar(128) AS name, ''::varchar AS value WHERE false;
CREATE VIEW foreign_keys AS
    SELECT o.db, k.conname::varchar(128) AS name, k.oid::int4 AS object_id, o.object_id AS parent_object_id, k.confrelid::int4 AS referenced_object_id, o.schema_id
    FROM pg_constraint k JOIN objects o ON o.object_id::oid = k.conrelid WHERE k.contype = 'f';
CREATE VIEW foreign_key_columns AS
    SELECT o.db, k.oid::int4 AS constraint_object_id, 1 AS constraint_column_id, o.object_id AS parent_object_id, k.conkey[1]::int4 AS parent_column_id,
        k.confrelid::int4 AS referenced_object_id, k.confkey[1]::int4 AS referenced_column_id
    FROM pg_constraint k JOIN objects o ON o.object_id::oid = k.conrelid WHERE k.contype = 'f';
CREATE VIEW key_constraints AS
    SELECT o.db, k.conname::varchar(128) AS name, k.oid::int4 AS object_id, o.object_id AS parent_object_id, o.schema_id,
        CASE k.contype WHEN 'p' THEN 'PK' ELSE 'UQ' END::char(2) AS type, 1 AS unique_index_id
    FROM pg_constraint k JOIN objects o ON o.object_id::oid = k.conrelid WHERE k.contype IN ('p', 'u');
CREATE VIEW check_constraints AS
    SELECT o.db, k.conname::varchar(128) AS name, k.oid::int4 AS object_id, o.object_id AS parent_object_id, o.schema_id, pg_get_expr(k.conbin, k.conrelid)::text AS definition
    FROM pg_constraint k JOIN objects o ON o.object_id::oid = k.conrelid WHERE k.contype = 'c';
CREATE VIEW synonyms AS SELECT db, name, object_id, schema_id, ''::varchar(1035) AS base_object_name FROM objects WHERE false;
CREATE VIEW triggers AS SELECT db, name, object_id, object_id AS parent_id FROM objects WHERE false;
CREATE VIEW procedures AS SELECT * FROM objects WHERE false;
CREATE VIEW stats AS SELECT db, object_id, name, index_id AS stats_id FROM indexes WHERE index_id > 0;
CREATE VIEW database_files AS
    SELECT d.name AS db, f.id AS file_id, raw_tinyint(f.id - 1) AS type, CASE f.id WHEN 1 THEN 'ROWS' ELSE 'LOG' END::varchar(60) AS type_desc,
        (d.name || CASE f.id WHEN 1 THEN '' ELSE '_log' END)::varchar(128) AS name, '/var/opt/mssql/data'::varchar(260) AS physical_name,
        131072 AS size, -1 AS max_size, 8192 AS growth, raw_tinyint(0) AS state, 'ONLINE'::varchar(60) AS state_desc, 1 AS data_space_id
    FROM databases d, (VALUES (1), (2)) AS f(id);
CREATE VIEW master_files AS SELECT f.*, d.database_id FROM database_files f JOIN databases d ON d.name = f.db;
CREATE VIEW dm_os_host_info AS SELECT name AS db, 'Linux'::varchar(256) AS host_platform FROM databases;
CREATE VIEW configurations AS SELECT d.name AS db, 103 AS configuration_id, 'user connections'::varchar(35) AS name, 0 AS value, 0 AS value_in_use FROM databases d;
CREATE VIEW dm_exec_sessions AS
    SELECT d.name AS db, a.pid::int2 AS session_id, (a.backend_start AT TIME ZONE 'UTC')::datetime AS login_time,
        split_part(a.application_name, '|', 2)::varchar(128) AS host_name, split_part(a.application_name, '|', 3)::varchar(128) AS program_name,
        split_part(a.application_name, '|', 1)::varchar(128) AS login_name, raw_bit(1) AS is_user_process,
        CASE a.state WHEN 'active' THEN 'running' ELSE 'sleeping' END::varchar(30) AS status,
        CASE WHEN a.xact_start IS NULL THEN 0 ELSE 1 END AS open_transaction_count
    FROM pg_stat_activity a, databases d WHERE strpos(a.application_name, '|') > 0;
CREATE VIEW dm_exec_requests AS
    SELECT db, session_id, ''::varchar(30) AS status, ''::varchar(32) AS command, 0::int2 AS blocking_session_id FROM dm_exec_sessions WHERE false;
CREATE VIEW dm_tran_locks AS
    SELECT d.name AS db, CASE l.locktype WHEN 'advisory' THEN 'APPLICATION' ELSE 'OBJECT' END::varchar(60) AS resource_type, d.database_id AS resource_database_id,
        l.mode::varchar(60) AS request_mode, CASE WHEN l.granted THEN 'GRANT' ELSE 'WAIT' END::varchar(60) AS request_status,
        l.pid AS request_session_id, coalesce(l.relation::int8, l.objid::int8) AS resource_associated_entity_id,
        ''::varchar(256) AS resource_description
    FROM pg_locks l, databases d WHERE l.locktype IN ('advisory', 'relation');
-- INFORMATION_SCHEMA: names in upper case, as SQL Server has them.
CREATE VIEW "IS TABLES" AS
    SELECT o.db, o.db::varchar(128) AS "TABLE_CATALOG", s.name AS "TABLE_SCHEMA", o.name AS "TABLE_NAME",
        CASE o.type WHEN 'U ' THEN 'BASE TABLE' ELSE 'VIEW' END::varchar(10) AS "TABLE_TYPE"
    FROM objects o JOIN schemas s USING (schema_id) WHERE o.type <> 'SO';
CREATE VIEW "IS VIEWS" AS
    SELECT o.db, o.db::varchar(128) AS "TABLE_CATALOG", s.name AS "TABLE_SCHEMA", o.name AS "TABLE_NAME", left(m.definition, 4000)::varchar(4000) AS "VIEW_DEFINITION"
    FROM objects o JOIN schemas s USING (schema_id) LEFT JOIN modules m ON m.object = o.object_id::oid WHERE o.type = 'V ';
CREATE VIEW "IS SCHEMATA" AS
    SELECT s.db, s.db::varchar(128) AS "CATALOG_NAME", s.name AS "SCHEMA_NAME", user_name(s.principal_id)::varchar(128) AS "SCHEMA_OWNER" FROM schemas s;
CREATE VIEW "IS COLUMNS" AS
    SELECT c.db, c.db::varchar(128) AS "TABLE_CATALOG", s.name AS "TABLE_SCHEMA", o.name AS "TABLE_NAME", c.name AS "COLUMN_NAME", c.column_id AS "ORDINAL_POSITION",
        NULL::varchar(4000) AS "COLUMN_DEFAULT", CASE c.is_nullable::int4 WHEN 1 THEN 'YES' ELSE 'NO' END::varchar(3) AS "IS_NULLABLE", t.name::varchar(128) AS "DATA_TYPE",
        CASE WHEN t.name IN ('nvarchar', 'nchar', 'sysname') THEN CASE c.max_length WHEN -1 THEN -1 ELSE c.max_length / 2 END WHEN t.name = 'varbinary' THEN -1 END AS "CHARACTER_MAXIMUM_LENGTH",
        CASE WHEN t.name IN ('int', 'bigint', 'smallint', 'tinyint', 'decimal', 'money', 'float', 'real') THEN c.precision END AS "NUMERIC_PRECISION",
        CASE WHEN t.name IN ('int', 'bigint', 'smallint', 'tinyint', 'decimal', 'money') THEN c.scale::int4 END AS "NUMERIC_SCALE",
        CASE WHEN t.name LIKE 'date%' OR t.name = 'time' THEN c.scale::int2 END AS "DATETIME_PRECISION", c.collation_name AS "COLLATION_NAME"
    FROM columns c JOIN objects o USING (object_id) JOIN schemas s USING (schema_id) JOIN tsql.types t ON t.user_type_id = c.user_type_id;
CREATE VIEW "IS TABLE_PRIVILEGES" AS
    SELECT o.db, 'dbo'::varchar(128) AS "GRANTOR", p.grantee::varchar(128) AS "GRANTEE", o.db::varchar(128) AS "TABLE_CATALOG", s.name AS "TABLE_SCHEMA", o.name AS "TABLE_NAME",
        p.permission::varchar(10) AS "PRIVILEGE_TYPE", 'NO'::varchar(3) AS "IS_GRANTABLE"
    FROM permissions p JOIN objects o ON o.object_id::oid = p.major JOIN schemas s USING (schema_id) WHERE p.class = 1 AND p.state = 'G';
GRANT SELECT ON ALL TABLES IN SCHEMA tsql_views TO PUBLIC;

CREATE FUNCTION tsql.tsql_described(text) RETURNS TABLE (is_hidden tsql.bit, column_ordinal int4, name varchar, is_nullable tsql.bit, system_type_id int4,
    system_type_name varchar, max_length int2, "precision" tinyint, scale tinyint, collation_name varchar, user_type_id int4, error_number int4, error_message varchar)
LANGUAGE sql STABLE AS $$
    SELECT tsql.raw_bit(0), (x.value->>'ordinal')::int4, x.value->>'name', tsql.raw_bit(1), t.system_type_id,
        t.name || CASE WHEN t.name = 'decimal' THEN '(' || s.precision::int4 || ',' || s.scale::int4 || ')'
            WHEN t.name IN ('nvarchar', 'nchar') THEN CASE s.max_length WHEN -1 THEN '(max)' ELSE '(' || s.max_length / 2 || ')' END
            WHEN t.name = 'varbinary' THEN '(max)' WHEN t.name IN ('datetime2', 'time', 'datetimeoffset') THEN '(7)' ELSE '' END,
        s.max_length, s.precision, s.scale,
        CASE WHEN t.name IN ('nvarchar', 'nchar', 'sysname') THEN 'SQL_Latin1_General_CP1_CI_AS' END, t.user_type_id,
        (x.value->>'error')::int4, x.value->>'message'
    FROM jsonb_array_elements($1::jsonb) x
    LEFT JOIN tsql.types t ON t.name = tsql.type_name_of((x.value->>'type')::int4::oid, (x.value->>'modifier')::int4)
    LEFT JOIN LATERAL tsql.shape(t.name, (x.value->>'modifier')::int4) s ON true$$;

-- Databases: roles, schemas and views.
CREATE PROCEDURE tsql.create_database(wanted text) LANGUAGE plpgsql AS $$
DECLARE
    view record; role text; target text;
BEGIN
    INSERT INTO tsql.databases (name) VALUES (wanted);
    FOREACH role IN ARRAY ARRAY['db_owner', 'public', 'db_datareader', 'db_datawriter', 'db_ddladmin', 'db_securityadmin', 'db_accessadmin',
        'db_backupoperator', 'db_denydatareader', 'db_denydatawriter'] LOOP
        EXECUTE format('CREATE ROLE %I', wanted || '.' || role);
        INSERT INTO tsql.principals (db, name, type, role, fixed) VALUES (wanted, role, 'R', wanted || '.' || role, role <> 'public');
    END LOOP;
    INSERT INTO tsql.principals (db, name, type, role, login, default_schema) VALUES (wanted, 'dbo', 'S', wanted || '.db_owner', 'sa', 'dbo');
    FOREACH role IN ARRAY ARRAY['dbo', 'guest', 'sys', 'INFORMATION_SCHEMA'] LOOP
        EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', wanted || '.' || role, wanted || '.db_owner');
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO PUBLIC', wanted || '.' || role);
    END LOOP;
    FOR view IN
        SELECT c.relname AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attname <> 'db' AND a.attname <> 'pg_index'
        WHERE c.relnamespace = 'tsql_views'::regnamespace AND c.relkind = 'v' GROUP BY c.relname
    LOOP
        target := CASE WHEN view.name LIKE 'IS %' THEN format('%I.%I', wanted || '.INFORMATION_SCHEMA', substr(view.name, 4))
            ELSE format('%I.%I', wanted || '.sys', CASE view.name WHEN 'all_databases' THEN 'databases' ELSE view.name END) END;
        EXECUTE format('CREATE VIEW %s AS SELECT %s FROM tsql_views.%I WHERE db = %L', target, view.columns, view.name, wanted);
        -- With the reader's rights, so that one sees only what one may.
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', target);
        EXECUTE format('GRANT SELECT ON %s TO PUBLIC', target);
    END LOOP;
END $$;
CREATE PROCEDURE tsql.drop_database(doomed text) LANGUAGE plpgsql AS $$
DECLARE
    space text; role text;
BEGIN
    FOR space IN SELECT nspname FROM pg_namespace WHERE tsql.db_of(nspname) = doomed AND strpos(nspname, '.') > 0 LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', space);
    END LOOP;
    FOR role IN SELECT rolname FROM pg_roles WHERE tsql.db_of(rolname) = doomed AND strpos(rolname, '.') > 0 LOOP
        EXECUTE format('DROP OWNED BY %I', role);
        EXECUTE format('DROP ROLE %I', role);
    END LOOP;
    DELETE FROM tsql.databases WHERE name = doomed;
    DELETE FROM tsql.principals WHERE db = doomed;
    DELETE FROM tsql.permissions WHERE db = doomed;
    DELETE FROM tsql.modules m WHERE NOT EXISTS (SELECT 1 FROM pg_class WHERE oid = m.object);
END $$;
