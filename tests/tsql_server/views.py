"""Views as SQL Server has them: text that is bound by name when it is read.

PostgreSQL binds a view to the tables that it read when it was made, follows them when they are renamed and keeps them
from being dropped. So before a table is renamed or dropped, the views that read it are cut off: they keep their columns,
permissions and identity, and fail when they are read (error 4413). As soon as something has the name again, they are
made from their text anew.
"""

from __future__ import annotations

import json

from tsql_server.backend import PostgresError
from tsql_server.errors import TsqlError
from tsql_server.lexer import Token, dotted_name, tokens
from tsql_server.session import Session, literal, quoted
from tsql_server.translate import Key, Names, Relation, Translated, translate

DEPENDENTS = """
    SELECT DISTINCT v.oid::int8::text, n.nspname, v.relname
    FROM pg_depend d
    JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_class v ON v.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = v.relnamespace
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::int8::oid AND v.oid <> $1::int8::oid
"""
STUB = """
    SELECT string_agg(
        'CAST(NULL AS ' || format_type(a.atttypid, a.atttypmod) || ')'
        || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END
        || ' AS ' || quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
"""
READY = "SELECT object::int8::text FROM tsql.modules WHERE NOT bound AND lower(array_to_string(refs, '|')) LIKE '%' || $1 || '%'"
MODULE = """
    SELECT m.db, m.definition, n.nspname, c.relname
    FROM tsql.modules m JOIN pg_class c ON c.oid = m.object JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE m.object = $1::int8::oid
"""


def parts_of(found: list[Token]) -> tuple[list[str], list[str], list[Token]]:
    """The name, the columns and the query of CREATE VIEW."""
    at = next(at for at, token in enumerate(found) if token.word == "VIEW") + 1
    name, at = dotted_name(found, at)
    columns = []
    if at < len(found) and found[at].text == "(":
        at += 1
        while found[at].text != ")":
            if found[at].is_name:
                columns.append(found[at].name)
            at += 1
        at += 1
    while at < len(found) and found[at].word != "AS":
        at += 1
    query = found[at + 1 :]
    while query and query[-1].text == ";":
        query = query[:-1]
    if not query:
        raise TsqlError(102, "Incorrect syntax near 'VIEW'.", 15)
    return name, columns, query


def query_of(found: list[Token], names: Names) -> tuple[Translated, str]:
    """What a view reads, and PostgreSQL's text for its columns and query."""
    _name, columns, query = parts_of(found)
    made = translate(query, names, {})
    missing = [
        key for key in made.keys if key not in {(r.namespace.lower(), r.name.lower()) for r in made.relations}
    ]
    if missing:
        space, name = missing[0]
        raise TsqlError(208, f"Invalid object name '{space.split('.', 1)[1]}.{name}'.")
    listed = f" ({', '.join(map(quoted, columns))})" if columns else ""
    return made, f"{listed} AS {made.sql}"


def references(made: Translated) -> str:
    """The names that a view reads, as PostgreSQL's array of `db`, `schema`, `name` by lines."""
    lines = ["\n".join([*relation.namespace.split(".", 1), relation.name]) for relation in made.relations]
    return "ARRAY[" + ", ".join(map(literal, lines)) + "]::text[]"


def chain(session: Session, target: str, made: Translated) -> None:
    """Who reads a view needs no permission on what has the view's owner, and a permission of his own on all else."""
    if not made.relations:
        return
    owners = session.backend.rows(
        "SELECT DISTINCT relowner::int8::text FROM pg_class WHERE oid IN (SELECT value::int8::oid FROM json_array_elements_text($1::json))",
        json.dumps([str(relation.oid) for relation in made.relations]),
    )
    own = session.backend.value("SELECT relowner::int8::text FROM pg_class WHERE oid = $1::regclass", target)
    broken = any(owner != own for (owner,) in owners)
    session.backend.run(f"ALTER VIEW {target} SET (security_invoker = {str(broken).lower()})")


def cut_off(session: Session, relation: Relation | int) -> None:
    """Take from all views that read a relation what binds them to it."""
    oid = relation if isinstance(relation, int) else relation.oid
    found = session.backend.rows(DEPENDENTS, str(oid))
    if not found:
        return
    with session.administrator():
        for view, namespace, name in found:
            columns = session.backend.value(STUB, view)
            label = str(namespace).split(".", 1)[-1] + "." + str(name)
            session.backend.run(
                f"CREATE OR REPLACE VIEW {quoted(str(namespace))}.{quoted(str(name))} AS SELECT {columns} "
                f"WHERE tsql.unbound({literal(label)})"
            )
            session.backend.run(f"UPDATE tsql.modules SET bound = false WHERE object = {view}")


def rebind(session: Session, key: Key) -> None:
    """Bind the views again that wait for this name."""
    database, schema = key[0].split(".", 1)
    wanted = "\n".join([database, schema, key[1]])
    for (view,) in session.backend.rows(READY, wanted):
        bind(session, int(view or 0))


def bind(session: Session, view: int) -> bool:
    """Make a view from its text, if all that it reads is there."""
    rows = session.backend.rows(MODULE, str(view))
    if not rows:
        return False
    database, definition, namespace, name = (str(value) for value in rows[0])
    try:
        made, text = query_of(tokens(definition), Names(database, session.resolve, session.namespace))
    except TsqlError:
        return False
    for relation in made.relations:
        if not relation.bound and not bind(session, relation.oid):
            return False
    with session.administrator():
        session.backend.script("SAVEPOINT binding")
        try:
            session.backend.run(f"CREATE OR REPLACE VIEW {quoted(namespace)}.{quoted(name)}{text}")
            chain(session, f"{quoted(namespace)}.{quoted(name)}", made)
            session.backend.run(f"UPDATE tsql.modules SET bound = true WHERE object = {view}")
        except PostgresError:
            # Other columns than it had: SQL Server, too, does not notice new ones until the view is refreshed.
            session.backend.script("ROLLBACK TO SAVEPOINT binding")
            return False
        session.backend.script("RELEASE SAVEPOINT binding")
    return True
