"""GRANT, REVOKE and DENY: permissions of PostgreSQL, and a list of them, since some are on what PostgreSQL does not have."""

from __future__ import annotations

from tsql_server.errors import TsqlError
from tsql_server.lexer import Token, dotted_name
from tsql_server.principals import is_owner, role_of, written
from tsql_server.session import Session, literal, quoted

ON_TABLES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES"})
ALL_ON_TABLES = "SELECT, INSERT, UPDATE, DELETE, REFERENCES"
FIXED = {"db_datareader": ["SELECT"], "db_datawriter": ["INSERT", "UPDATE", "DELETE"]}
DATABASE, OBJECT, SCHEMA = 0, 1, 3


def permission(session: Session, found: list[Token]) -> None:
    """GRANT, REVOKE or DENY. DENY is written down, and takes away what was granted."""
    verb = found[0].word
    words = [token.word for token in found]
    end = words.index("ON") if "ON" in words else words.index("TO") if "TO" in words else words.index("FROM")
    wanted = " ".join(token.text if token.text == "," else token.word for token in found[1:end]).removeprefix(
        "GRANT OPTION FOR "
    )
    asked = [part.strip() for part in wanted.split(",")]
    preposition = words.index("TO", end) if "TO" in words[end:] else words.index("FROM", end)
    grantees = [token.name for token in found[preposition + 1 :] if token.is_name]
    grantees = grantees[
        : next(
            (n for n, token in enumerate(grantees) if token.upper() in ("WITH", "CASCADE", "AS")),
            len(grantees),
        )
    ]
    kind, target = DATABASE, [""]
    if "ON" in words:
        kind, start = OBJECT, end + 1
        if found[end + 2].text == "::":
            kind = {"SCHEMA": SCHEMA, "OBJECT": OBJECT, "DATABASE": DATABASE}.get(
                found[end + 1].word, DATABASE
            )
            start = end + 3
        target, _end = dotted_name(found, start)
    for grantee in grantees:
        role = role_of(session, grantee)
        for one in asked:
            if kind == OBJECT:
                _on_object(session, verb, one, target, role, grantee)
            elif kind == SCHEMA:
                _on_schema(session, verb, one, target, role, grantee)
            else:
                _on_database(session, verb, one, role, grantee)


def record(session: Session, kind: int, major: int, permission: str, grantee: str, state: str = "G") -> None:
    session.backend.run(
        f"INSERT INTO tsql.permissions (db, class, major, permission, grantee, state) VALUES (tsql.db(), {kind}, {major}, "
        f"{literal(permission)}, {literal(grantee)}, '{state}') ON CONFLICT (db, class, major, permission, grantee) DO UPDATE SET state = '{state}'"
    )


def _note(session: Session, verb: str, kind: int, major: int, permission: str, grantee: str) -> None:
    with session.administrator():
        if verb == "REVOKE":
            session.backend.run(
                f"DELETE FROM tsql.permissions WHERE db = tsql.db() AND class = {kind} AND major = {major} "
                f"AND permission = {literal(permission)} AND lower(grantee) = lower({literal(grantee)})"
            )
        else:
            record(session, kind, major, permission, grantee, "D" if verb == "DENY" else "G")


def _on_object(
    session: Session, verb: str, permission: str, target: list[str], role: str, grantee: str
) -> None:
    relation = session.find(target)
    if relation is None:
        raise TsqlError(
            15151,
            f"Cannot find the object '{target[-1]}', because it does not exist or you do not have permission.",
        )
    name = f"{quoted(relation.namespace)}.{quoted(relation.name)}"
    privileges = (
        permission if permission in ON_TABLES else ALL_ON_TABLES if permission in ("ALL", "CONTROL") else ""
    )
    if privileges:
        if not session.sysadmin and not session.backend.value(
            "SELECT 1 FROM pg_class WHERE oid = $1::int8::oid AND pg_has_role(session_user, relowner, 'USAGE')",
            str(relation.oid),
        ):
            raise TsqlError(
                15151,
                f"Cannot find the object '{target[-1]}', because it does not exist or you do not have permission.",
            )
        if verb == "GRANT":
            session.backend.run(f"GRANT {privileges} ON {name} TO {written(role)}")
        else:
            session.backend.run(f"REVOKE {privileges} ON {name} FROM {written(role)}")
    _note(session, verb, OBJECT, relation.oid, permission, grantee)


def grant_object(session: Session, target: str, permission: str, grantee: str) -> None:
    """A permission that an object had before it was made anew."""
    role = role_of(session, grantee)
    with session.administrator():
        if permission in ON_TABLES:
            session.backend.run(f"GRANT {permission} ON {target} TO {written(role)}")
        oid = session.backend.value("SELECT $1::regclass::oid::int8::text", target)
        record(session, OBJECT, int(oid or 0), permission, grantee)


def _on_schema(
    session: Session, verb: str, permission: str, target: list[str], role: str, grantee: str
) -> None:
    namespace = session.namespace([target[-1], ""])
    oid = session.backend.value("SELECT $1::regnamespace::oid::int8::text", quoted(namespace))
    owns = session.backend.value(
        "SELECT 1 FROM pg_namespace WHERE nspname = $1 AND pg_has_role(session_user, nspowner, 'USAGE')",
        namespace,
    )
    if not (session.sysadmin or owns):
        raise TsqlError(
            15151,
            f"Cannot find the schema '{target[-1]}', because it does not exist or you do not have permission.",
        )
    preposition, action = ("TO", "GRANT") if verb == "GRANT" else ("FROM", "REVOKE")
    with session.administrator():
        if permission in ON_TABLES or permission == "CONTROL":
            privileges = permission if permission in ON_TABLES else ALL_ON_TABLES
            session.backend.run(
                f"{action} {privileges} ON ALL TABLES IN SCHEMA {quoted(namespace)} {preposition} {written(role)}"
            )
        if permission in ("ALTER", "CONTROL"):
            session.backend.run(
                f"{action} CREATE ON SCHEMA {quoted(namespace)} {preposition} {written(role)}"
            )
    _note(session, verb, SCHEMA, int(oid or 0), permission, grantee)


def _on_database(session: Session, verb: str, permission: str, role: str, grantee: str) -> None:
    if not is_owner(session):
        raise TsqlError(4613, "Grantor does not have GRANT permission.")
    preposition, action = ("TO", "GRANT") if verb == "GRANT" else ("FROM", "REVOKE")
    if permission in ON_TABLES:
        with session.administrator():
            for (space,) in session.backend.rows(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE tsql.db() || '.%'"
            ):
                session.backend.run(
                    f"{action} {permission} ON ALL TABLES IN SCHEMA {quoted(str(space))} {preposition} {written(role)}"
                )
    _note(session, verb, DATABASE, 0, permission, grantee)


def inherit(session: Session, namespace: str, target: str) -> None:
    """Give a new object what was granted on its schema and database. Called as administrator."""
    rows = session.backend.rows(
        "SELECT p.permission, g.role FROM tsql.permissions p JOIN tsql.principals g ON g.db = p.db AND g.name = p.grantee "
        "WHERE p.state = 'G' AND p.db = $2 AND ((p.class = 3 AND p.major = $1::regnamespace::oid) OR p.class = 0)",
        quoted(namespace),
        namespace.split(".", 1)[0],
    )
    for permission, role in rows:
        if permission in ON_TABLES:
            session.backend.run(f"GRANT {permission} ON {target} TO {written(str(role))}")
    database = namespace.split(".", 1)[0]
    for fixed, privileges in FIXED.items():
        session.backend.run(f"GRANT {', '.join(privileges)} ON {target} TO {quoted(f'{database}.{fixed}')}")
