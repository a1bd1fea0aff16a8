"""CREATE, ALTER and DROP of what holds data, and TRUNCATE."""

from __future__ import annotations

from tsql_server import columns, indexes, permissions, principals, views
from tsql_server.backend import PostgresError
from tsql_server.errors import TsqlError
from tsql_server.lexer import Token, closing, dotted_name
from tsql_server.objects import at, required
from tsql_server.script import Simple
from tsql_server.session import Session, literal, quoted
from tsql_server.translate import Relation, Translated

KINDS = {"TABLE": ("r", "table"), "VIEW": ("v", "view")}


def run(session: Session, statement: Simple) -> None:
    """One statement. What it makes belongs to the owner of its schema."""
    found = statement.tokens
    words = [token.word for token in found[:5]] + [""] * 5
    match words[0], words[1]:
        case "CREATE", "TABLE":
            _create_table(session, found)
        case ("CREATE" | "ALTER", "VIEW") | ("CREATE", "OR"):
            _create_view(session, found, statement.text, replace=words[1] == "OR" or words[0] == "ALTER")
        case "CREATE", "SCHEMA":
            _create_schema(session, found)
        case "CREATE", "DATABASE":
            _create_database(session, found[2].name)
        case "ALTER", "DATABASE" | "INDEX":
            return
        case "CREATE", "STATISTICS":
            return
        case "CREATE", "SEQUENCE":
            name, _end = dotted_name(found, 2)
            session.backend.run(f"CREATE SEQUENCE {quoted(session.namespace(name))}.{quoted(name[-1])}")
        case "CREATE", _ if "INDEX" in words:
            indexes.create(session, found)
        case "ALTER", "TABLE":
            _alter_table(session, found)
        case "ALTER", "SCHEMA":
            _transfer(session, found)
        case "DROP", "TABLE" | "VIEW":
            _drop(session, found)
        case "DROP", "INDEX":
            indexes.drop(session, found)
        case "DROP", "SCHEMA":
            _drop_schema(session, found)
        case "DROP", "DATABASE":
            _drop_database(session, found)
        case "TRUNCATE", "TABLE":
            table = required(session, dotted_name(found, 2)[0])
            session.backend.run(f"TRUNCATE TABLE {at(table)}")
        case "DROP", _ if "EXISTS" in words:
            return  # DROP PROCEDURE, FUNCTION, TRIGGER, SYNONYM IF EXISTS: there is none
        case _:
            raise TsqlError(50000, f"The stand-in has no {words[0]} {words[1]}")


def bind_what_is_read(session: Session, made: Translated) -> None:
    """Views whose tables went away may be read again once there are tables of that name."""
    for relation in made.relations:
        if relation.kind == "v" and not relation.bound:
            own = not session.backend.in_transaction
            if own:
                session.backend.script("BEGIN")
            views.bind(session, relation.oid)
            if own:
                session.backend.script("COMMIT")


def created(session: Session, namespace: str, name: str) -> None:
    """What every new table or view needs: its owner, what was granted on its schema, and the views that wait for it."""
    with session.administrator():
        owner = session.backend.value(
            "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1", namespace
        )
        target = f"{quoted(namespace)}.{quoted(name)}"
        session.backend.run(f"ALTER TABLE {target} OWNER TO {quoted(str(owner))}")
        session.backend.run(
            f"INSERT INTO tsql.objects_seen (object) VALUES ({literal(target)}::regclass) ON CONFLICT DO NOTHING"
        )
        permissions.inherit(session, namespace, target)
    views.rebind(session, (namespace.lower(), name.lower()))


# --- tables ---


def _create_table(session: Session, found: list[Token]) -> None:
    name, end = dotted_name(found, 2)
    if found[end].text != "(":
        raise TsqlError(102, f"Incorrect syntax near '{found[end].text}'.", 15)
    inside = found[end + 1 : closing(found, end)]
    if name[-1].startswith("#"):
        session.backend.run(
            f"CREATE TEMPORARY TABLE {quoted(name[-1].lower())} ({columns.table(session, inside)})"
        )
        return
    principals.require(session, "CREATE TABLE")
    namespace = session.namespace(name)
    _refuse_existing(session, name)
    stored = session.stored(name[-1])
    session.backend.run(
        f"CREATE TABLE {quoted(namespace)}.{quoted(stored)} ({columns.table(session, inside)})"
    )
    created(session, namespace, stored)


def _refuse_existing(session: Session, name: list[str]) -> None:
    if session.find(name):
        raise TsqlError(2714, f"There is already an object named '{name[-1]}' in the database.", 16, 6)


def select_into(session: Session, made: Translated, values: list[bytes | None]) -> None:
    """SELECT … INTO. Its text already says CREATE TABLE."""
    target = made.sql.split(" TABLE ", 1)[1].split(" AS ", 1)[0]
    if not made.sql.startswith("CREATE TEMPORARY"):
        principals.require(session, "CREATE TABLE")
    # A utility statement takes no parameters.
    text = made.sql
    for number in range(len(values), 0, -1):
        value = values[number - 1]
        text = text.replace(f"${number}", "NULL" if value is None else literal(value.decode()))
    if made.into:
        session.stored(made.into)
    result = session.backend.run(text)
    session.rowcount = result.command_tuples or 0
    if "." in target:
        namespace, name = session.backend.rows(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::regclass",
            target,
        )[0]
        created(session, str(namespace), str(name))


def _alter_table(session: Session, found: list[Token]) -> None:
    name, end = dotted_name(found, 2)
    table = required(session, name)
    words = [token.word for token in found[end : end + 3]] + ["", "", ""]
    rest = found[end + 1 :]
    change = f"ALTER TABLE {at(table)} "
    match words[0], words[1]:
        case "ADD", _:
            for item in columns.split(rest):
                session.backend.run(f"{change} ADD {columns.item(session, item, known=table.columns)}")
        case "WITH", _:  # WITH CHECK ADD CONSTRAINT
            at_add = next(n for n, token in enumerate(rest) if token.word in ("ADD", "CHECK") and n)
            if rest[at_add].word == "ADD":
                session.backend.run(
                    f"{change} ADD {columns.item(session, rest[at_add + 1 :], known=table.columns)}"
                )
        case "ALTER", "COLUMN":
            column = columns.actual(rest[1].name, table.columns)
            kind, end_of_type = columns.kind(rest, 2)
            views.cut_off(session, table)
            session.backend.run(
                f"{change} ALTER COLUMN {quoted(column)} TYPE {kind} USING CAST({quoted(column)} AS {kind})"
            )
            is_null = "NOT" not in [token.word for token in rest[end_of_type:]]
            session.backend.run(
                f"{change} ALTER COLUMN {quoted(column)} {'DROP' if is_null else 'SET'} NOT NULL"
            )
            views.rebind(session, (table.namespace.lower(), table.name.lower()))
        case "DROP", "COLUMN" | "CONSTRAINT":
            exists = "IF EXISTS " if words[2] == "IF" else ""
            views.cut_off(session, table)
            for token in rest[3 if exists else 1 :]:
                if token.is_name and token.word not in ("COLUMN", "CONSTRAINT"):
                    actual = columns.actual(token.name, table.columns) if words[1] == "COLUMN" else token.name
                    session.backend.run(f"{change} DROP {words[1]} {exists}{quoted(actual)}")
            views.rebind(session, (table.namespace.lower(), table.name.lower()))
        case "REBUILD" | "CHECK" | "NOCHECK" | "SET" | "ENABLE" | "DISABLE", _:
            return
        case _:
            raise TsqlError(50000, f"The stand-in has no ALTER TABLE … {words[0]} {words[1]}")


def _transfer(session: Session, found: list[Token]) -> None:
    start = next(n for n, token in enumerate(found) if token.word == "TRANSFER") + 1
    if found[start + 1].text == "::":
        start += 2
    name, _end = dotted_name(found, start)
    relation = required(session, name)
    namespace = session.namespace([found[2].name, ""])
    if session.find([found[2].name, relation.name]):
        raise TsqlError(15530, f'The object with name "{relation.name}" already exists.')
    views.cut_off(session, relation)
    session.backend.run(f"ALTER TABLE {at(relation)} SET SCHEMA {quoted(namespace)}")
    created(session, namespace, relation.name)


def _drop(session: Session, found: list[Token]) -> None:
    kind, word = KINDS[found[1].word]
    position = 4 if found[2].word == "IF" else 2
    while position < len(found):
        name, position = dotted_name(found, position)
        relation = session.find(name)
        if relation is None:
            if found[2].word != "IF":
                raise TsqlError(
                    3701,
                    f"Cannot drop the {word} '{'.'.join(name)}', because it does not exist or you do not have permission.",
                    11,
                    5,
                )
        elif relation.kind != kind:
            raise TsqlError(
                3705,
                f"Cannot use DROP {word.upper()} with '{'.'.join(name)}' because '{'.'.join(name)}' is another kind of object.",
            )
        else:
            drop(session, relation)
        position += 1  # the comma


def drop(session: Session, relation: Relation) -> None:
    views.cut_off(session, relation)
    session.backend.run(f"DROP {'VIEW' if relation.kind == 'v' else 'TABLE'} {at(relation)}")
    _forget(session, relation.oid)


def _forget(session: Session, oid: int) -> None:
    with session.administrator():
        session.backend.script(
            f"DELETE FROM tsql.modules WHERE object = {oid}; DELETE FROM tsql.objects_seen WHERE object = {oid}; "
            f"DELETE FROM tsql.permissions WHERE class = 1 AND major = {oid}"
        )


# --- views ---


def _create_view(session: Session, found: list[Token], text: str, *, replace: bool) -> None:
    name, _columns, _query = views.parts_of(found)
    principals.require(session, "CREATE VIEW")
    made, query = views.query_of(found, session.names())
    for relation in made.relations:
        if not relation.bound:
            views.bind(session, relation.oid)
    namespace = session.namespace(name)
    existing = session.find(name)
    stored = existing.name if existing else session.stored(name[-1])
    target = f"{quoted(namespace)}.{quoted(stored)}"
    if existing and (not replace or existing.kind != "v"):
        _refuse_existing(session, name)
    if existing:
        _replace_view(session, existing, target, query)
    else:
        session.backend.run(f"CREATE VIEW {target}{query}")
    with session.administrator():
        session.backend.run(
            f"INSERT INTO tsql.modules (object, db, definition, refs) VALUES ({literal(target)}::regclass, "
            f"{literal(session.database)}, {literal(text)}, {views.references(made)}) "
            "ON CONFLICT (object) DO UPDATE SET definition = excluded.definition, refs = excluded.refs, bound = true"
        )
    created(session, namespace, stored)
    with session.administrator():
        views.chain(session, target, made)


def _replace_view(session: Session, existing: Relation, target: str, query: str) -> None:
    session.backend.script("SAVEPOINT replacing")
    try:
        session.backend.run(f"CREATE OR REPLACE VIEW {target}{query}")
    except PostgresError as error:
        session.backend.script("ROLLBACK TO SAVEPOINT replacing")
        if error.fields.state != "42P16":
            raise
        # Other columns: PostgreSQL wants a new view, which gets the permissions of the old one.
        views.cut_off(session, existing)
        kept = session.backend.rows(
            "SELECT permission, grantee FROM tsql.permissions WHERE class = 1 AND major = $1::int8::oid",
            str(existing.oid),
        )
        session.backend.run(f"DROP VIEW {target}")
        session.backend.run(f"CREATE VIEW {target}{query}")
        _forget(session, existing.oid)
        for permission, grantee in kept:
            permissions.grant_object(session, target, str(permission), str(grantee))
    else:
        session.backend.script("RELEASE SAVEPOINT replacing")


# --- schemas and databases ---


def _create_schema(session: Session, found: list[Token]) -> None:
    principals.require(session, "CREATE SCHEMA")
    name = found[2].name if found[2].word != "AUTHORIZATION" else found[3].name
    owner = next((found[n + 1].name for n, token in enumerate(found) if token.word == "AUTHORIZATION"), None)
    namespace = f"{session.database}.{name}"
    if session.backend.value("SELECT 1 FROM pg_namespace WHERE lower(nspname) = lower($1)", namespace):
        raise TsqlError(2714, f"There is already an object named '{name}' in the database.", 16, 6)
    own = "dbo" if session.sysadmin else str(session.backend.value("SELECT tsql.user_name()"))
    role = principals.role_of(session, owner or own)
    with session.administrator():
        session.backend.run(f"CREATE SCHEMA {quoted(namespace)} AUTHORIZATION {quoted(role)}")
        session.backend.run(f"GRANT USAGE ON SCHEMA {quoted(namespace)} TO PUBLIC")


def _drop_schema(session: Session, found: list[Token]) -> None:
    exists = found[2].word == "IF"
    name = found[4 if exists else 2].name
    actual = session.backend.value(
        "SELECT nspname FROM pg_namespace WHERE lower(nspname) = lower($1)", f"{session.database}.{name}"
    )
    if actual is None:
        if exists:
            return
        raise TsqlError(
            15151,
            f"Cannot drop the schema '{name}', because it does not exist or you do not have permission.",
        )
    session.backend.run(f"DROP SCHEMA {quoted(actual)}")


def _create_database(session: Session, name: str) -> None:
    if session.trancount:
        raise TsqlError(
            226, "CREATE DATABASE statement not allowed within multi-statement transaction.", 16, 6
        )
    if not session.sysadmin:
        raise TsqlError(262, f"CREATE DATABASE permission denied in database '{session.database}'.", 14)
    if session.backend.value("SELECT 1 FROM tsql.databases WHERE lower(name) = lower($1)", name):
        raise TsqlError(1801, f"Database '{name}' already exists. Choose a different database name.", 16, 3)
    session.backend.run(f"CALL tsql.create_database({literal(name)})")


def _drop_database(session: Session, found: list[Token]) -> None:
    exists = found[2].word == "IF"
    name = found[4 if exists else 2].name
    actual = session.backend.value("SELECT name FROM tsql.databases WHERE lower(name) = lower($1)", name)
    if actual is None:
        if exists:
            return
        raise TsqlError(
            3701,
            f"Cannot drop the database '{name}', because it does not exist or you do not have permission.",
            11,
        )
    if not session.sysadmin:
        raise TsqlError(
            3701,
            f"Cannot drop the database '{name}', because it does not exist or you do not have permission.",
            11,
        )
    session.backend.run(f"CALL tsql.drop_database({literal(actual)})")
