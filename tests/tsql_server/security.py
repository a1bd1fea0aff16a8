"""Logins, users and roles, as roles of PostgreSQL.

A login is a role that may log in. A user of a login is that same role in its database; a role of a database, and a user
without a login, is the role "db.name". Members of db_owner are members of the role that owns what dbo owns.
"""

from __future__ import annotations

import secrets

from tsql_server.errors import TsqlError
from tsql_server.lexer import Token, dotted_name
from tsql_server.permissions import DATABASE, record
from tsql_server.principals import is_owner, login_role, require, require_sysadmin, role_of
from tsql_server.session import Session, literal, quoted


def run(session: Session, found: list[Token]) -> bool:
    """A statement on logins, users or roles. Returns whether it is one."""
    words = [token.word for token in found[:2]]
    if words[0] == "ALTER" and words[1] == "AUTHORIZATION":
        _authorization(session, found)
    elif words[1] == "LOGIN":
        _login(session, found)
    elif words[1] == "USER":
        _user(session, found)
    elif words[1] == "ROLE":
        _role(session, found)
    elif words[1] == "SERVER":  # ALTER SERVER ROLE sysadmin ADD MEMBER x
        require_sysadmin(session)
        name = login_role(session, found[-1].name)
        is_added = any(token.word == "ADD" for token in found)
        with session.administrator():
            session.backend.run(f"UPDATE tsql.logins SET sysadmin = {is_added} WHERE role = {literal(name)}")
            session.backend.run(f"ALTER ROLE {quoted(name)} {'' if is_added else 'NO'}SUPERUSER")
    else:
        return False
    return True


def _login(session: Session, found: list[Token]) -> None:
    verb, exists = found[0].word, found[2].word == "IF"
    name = found[4 if exists else 2].name
    known = session.backend.value("SELECT role FROM tsql.logins WHERE lower(name) = lower($1)", name)
    if not (verb == "ALTER" and name.lower() == session.login.lower()):
        require_sysadmin(session)
    with session.administrator():
        if verb == "CREATE":
            if known:
                raise TsqlError(15025, f"The server principal '{name}' already exists.")
            password = next((token.string for token in found if token.kind == "string"), None)
            if password is None:
                raise TsqlError(50000, "The stand-in has logins with passwords only")
            _check_password(password)
            session.backend.run(f"CREATE ROLE {quoted(name)} LOGIN PASSWORD {literal(password)}")
            session.backend.run(
                f"INSERT INTO tsql.logins (name, role) VALUES ({literal(name)}, {literal(name)})"
            )
            return
        if known is None:
            if exists:
                return
            raise TsqlError(
                15151,
                f"Cannot {verb.lower()} the login '{name}', because it does not exist or you do not have permission.",
            )
        if verb == "DROP":
            users = session.backend.rows(
                "SELECT db FROM tsql.principals WHERE lower(login) = lower($1)", name
            )
            if not users:
                session.backend.run(f"DROP ROLE {quoted(known)}")
            else:  # they stay, as users of a login that is gone
                gone = f"{known} {secrets.token_hex(4)}"
                session.backend.run(f"ALTER ROLE {quoted(known)} NOLOGIN")
                session.backend.run(f"ALTER ROLE {quoted(known)} RENAME TO {quoted(gone)}")
                session.backend.run(
                    f"UPDATE tsql.principals SET role = {literal(gone)}, login = {literal(gone)} WHERE login = {literal(known)}"
                )
            session.backend.run(f"DELETE FROM tsql.logins WHERE role = {literal(known)}")
            return
        password = next((token.string for token in found if token.kind == "string"), None)
        if password is not None:
            _check_password(password)
            session.backend.run(f"ALTER ROLE {quoted(known)} PASSWORD {literal(password)}")
        if found[3].word in ("ENABLE", "DISABLE"):
            session.backend.run(
                f"UPDATE tsql.logins SET disabled = {found[3].word == 'DISABLE'} WHERE role = {literal(known)}"
            )


def _check_password(password: str) -> None:
    """SQL Server's policy on Linux: eight characters of three kinds."""
    kinds = sum(
        any(test(c) for c in password)
        for test in (str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum())
    )
    if len(password) < 8 or kinds < 3:
        raise TsqlError(
            15118,
            "Password validation failed. The password does not meet the operating system policy requirements because it is not complex enough.",
        )


def _user(session: Session, found: list[Token]) -> None:
    verb, exists = found[0].word, found[2].word == "IF"
    name = found[4 if exists else 2].name
    if not is_owner(session):
        raise TsqlError(15247, "User does not have permission to perform this action.")
    known = session.backend.rows(
        "SELECT role, login FROM tsql.principals WHERE db = tsql.db() AND lower(name) = lower($1)", name
    )
    with session.administrator():
        if verb == "CREATE":
            if known:
                raise TsqlError(
                    15023, f"User, group, or role '{name}' already exists in the current database."
                )
            words = [token.word for token in found]
            schema = found[words.index("DEFAULT_SCHEMA") + 2].name if "DEFAULT_SCHEMA" in words else "dbo"
            login: str | None = None
            if "WITHOUT" in words:
                role = f"{session.database}.{name}"
                session.backend.run(f"CREATE ROLE {quoted(role)}")
            else:
                login = role = login_role(
                    session, found[words.index("LOGIN") + 1].name if "LOGIN" in words else name
                )
            session.backend.run(
                "INSERT INTO tsql.principals (db, name, type, role, login, default_schema) VALUES "
                f"(tsql.db(), {literal(name)}, 'S', {literal(role)}, {'NULL' if login is None else literal(login)}, {literal(schema)})"
            )
            session.backend.run(f"GRANT {quoted(session.database + '.public')} TO {quoted(role)}")
            record(session, DATABASE, 0, "CONNECT", name)
            return
        if not known:
            if exists:
                return
            raise TsqlError(
                15151,
                f"Cannot {verb.lower()} the user '{name}', because it does not exist or you do not have permission.",
            )
        role, has_login = str(known[0][0]), known[0][1] is not None
        if verb == "ALTER" and "LOGIN" in [token.word for token in found]:
            _remap(session, name, role, login_role(session, found[-1].name))
        if verb == "DROP":
            _refuse_owner(session, role, name)
            session.backend.run(
                f"DELETE FROM tsql.permissions WHERE db = tsql.db() AND lower(grantee) = lower({literal(name)})"
            )
            session.backend.run(
                f"DELETE FROM tsql.principals WHERE db = tsql.db() AND lower(name) = lower({literal(name)})"
            )
            for (granted,) in session.backend.rows(
                "SELECT role FROM tsql.principals WHERE db = tsql.db() AND type = 'R'"
            ):
                session.backend.run(f"REVOKE {quoted(str(granted))} FROM {quoted(role)}")
            for (space,) in session.backend.rows(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE tsql.db() || '.%'"
            ):
                session.backend.run(
                    f"REVOKE ALL ON ALL TABLES IN SCHEMA {quoted(str(space))} FROM {quoted(role)}"
                )
                session.backend.run(f"REVOKE ALL ON SCHEMA {quoted(str(space))} FROM {quoted(role)}")
            if not has_login:
                session.backend.run(f"DROP ROLE {quoted(role)}")


def _remap(session: Session, name: str, role: str, login: str) -> None:
    """ALTER USER x WITH LOGIN = y. The user's role stays what it is, and y becomes a member."""
    if role != login:
        session.backend.run(f"GRANT {quoted(role)} TO {quoted(login)}")
        session.backend.run(
            f"UPDATE tsql.principals SET login = {literal(login)} WHERE db = tsql.db() AND lower(name) = lower({literal(name)})"
        )


def _refuse_owner(session: Session, role: str, name: str) -> None:
    owned = session.backend.value(
        "SELECT 1 FROM pg_namespace WHERE nspname LIKE tsql.db() || '.%' AND nspowner = (SELECT oid FROM pg_roles WHERE rolname = $1)",
        role,
    )
    if owned:
        raise TsqlError(15138, "The database principal owns a schema in the database, and cannot be dropped.")


def _role(session: Session, found: list[Token]) -> None:
    verb, exists = found[0].word, found[2].word == "IF"
    name = found[4 if exists else 2].name
    known = session.backend.value(
        "SELECT role FROM tsql.principals WHERE db = tsql.db() AND type = 'R' AND lower(name) = lower($1)",
        name,
    )
    words = [token.word for token in found]
    owner = found[words.index("AUTHORIZATION") + 1].name if "AUTHORIZATION" in words else None
    if not is_owner(session) and not (known and _owns_role(session, known)):
        require(session, "CREATE ROLE" if verb == "CREATE" else "ALTER ANY ROLE")
    with session.administrator():
        if verb == "CREATE":
            if known:
                raise TsqlError(
                    15023, f"User, group, or role '{name}' already exists in the current database."
                )
            role = f"{session.database}.{name}"
            session.backend.run(f"CREATE ROLE {quoted(role)}")
            session.backend.run(
                f"INSERT INTO tsql.principals (db, name, type, role) VALUES (tsql.db(), {literal(name)}, 'R', {literal(role)})"
            )
            if owner:
                _own_role(session, role, role_of(session, owner))
            return
        if known is None:
            if exists:
                return
            raise TsqlError(
                15151,
                f"Cannot {verb.lower()} the role '{name}', because it does not exist or you do not have permission.",
            )
        if verb == "DROP":
            session.backend.run(f"DROP OWNED BY {quoted(known)}")
            session.backend.run(f"DROP ROLE {quoted(known)}")
            session.backend.run(
                f"DELETE FROM tsql.principals WHERE db = tsql.db() AND role = {literal(known)}"
            )
            session.backend.run(
                f"DELETE FROM tsql.permissions WHERE db = tsql.db() AND lower(grantee) = lower({literal(name)})"
            )
        elif "MEMBER" in words:
            member = role_of(session, found[-1].name)
            if "ADD" in words:
                session.backend.run(f"GRANT {quoted(known)} TO {quoted(member)}")
            else:
                session.backend.run(f"REVOKE {quoted(known)} FROM {quoted(member)}")


def _own_role(session: Session, role: str, owner: str) -> None:
    """PostgreSQL's roles have no owner: its oid is written in the comment."""
    oid = session.backend.value("SELECT oid::int8::text FROM pg_roles WHERE rolname = $1", owner)
    session.backend.run(f"COMMENT ON ROLE {quoted(role)} IS {literal(str(oid))}")


def _owns_role(session: Session, role: str) -> bool:
    return bool(
        session.backend.value(
            "SELECT 1 FROM pg_roles r WHERE rolname = $1 "
            "AND pg_has_role(session_user, shobj_description(r.oid, 'pg_authid')::oid, 'USAGE')",
            role,
        )
    )


def _authorization(session: Session, found: list[Token]) -> None:
    """ALTER AUTHORIZATION ON SCHEMA::x TO y. What was granted on the schema's tables is lost."""
    start = 5 if found[4].text == "::" else 3
    name, end = dotted_name(found, start)
    role = role_of(session, found[end + 1].name)
    if found[3].word == "DATABASE":
        return
    with session.administrator():
        if found[3].word == "ROLE":
            _own_role(session, role_of(session, name[-1]), role)
        if found[3].word == "SCHEMA":
            namespace = session.namespace([name[-1], ""])
            session.backend.run(f"ALTER SCHEMA {quoted(namespace)} OWNER TO {quoted(role)}")
            for (table,) in session.backend.rows(
                "SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'v')",
                quoted(namespace),
            ):
                session.backend.run(f"ALTER TABLE {table} OWNER TO {quoted(role)}")
            for (other,) in session.backend.rows("SELECT role FROM tsql.principals WHERE db = tsql.db()"):
                if other != role:
                    session.backend.run(
                        f"REVOKE ALL ON ALL TABLES IN SCHEMA {quoted(namespace)} FROM {quoted(str(other))}"
                    )
            session.backend.run(
                "DELETE FROM tsql.permissions WHERE class = 1 AND major IN "
                f"(SELECT oid FROM pg_class WHERE relnamespace = {literal(quoted(namespace))}::regnamespace)"
            )
