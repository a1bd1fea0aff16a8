"""Who a session is, and which role of PostgreSQL a principal is."""

from __future__ import annotations

from tsql_server.errors import TsqlError
from tsql_server.session import Session, quoted


def require_sysadmin(session: Session) -> None:
    if not session.sysadmin:
        raise TsqlError(15247, "User does not have permission to perform this action.")


def is_owner(session: Session) -> bool:
    return session.sysadmin or session.backend.value("SELECT tsql.is_rolemember('db_owner')") == "1"


def require(session: Session, permission: str) -> None:
    """Raises TsqlError 262 where the user lacks a permission on the database."""
    if is_owner(session):
        return
    found = session.backend.value(
        "SELECT 1 FROM tsql.permissions p JOIN tsql.principals g ON g.db = p.db AND g.name = p.grantee "
        "WHERE p.db = tsql.db() AND p.class = 0 AND p.permission IN ($1, 'CONTROL', 'ALTER') AND pg_has_role(session_user, g.role, 'member')",
        permission,
    )
    if found is None:
        raise TsqlError(262, f"{permission} permission denied in database '{session.database}'.", 14)


def role_of(session: Session, principal: str) -> str:
    """PostgreSQL's role of a database's user or role. Raises TsqlError 15151 where there is none."""
    if principal.lower() == "public":
        return "public"
    found = session.backend.value(
        "SELECT role FROM tsql.principals WHERE db = tsql.db() AND lower(name) = lower($1)", principal
    )
    if found is None:
        raise TsqlError(
            15151,
            f"Cannot find the user '{principal}', because it does not exist or you do not have permission.",
        )
    return found


def written(role: str) -> str:
    return "PUBLIC" if role == "public" else quoted(role)


def login_role(session: Session, name: str) -> str:
    found = session.backend.value("SELECT role FROM tsql.logins WHERE lower(name) = lower($1)", name)
    if found is None:
        raise TsqlError(15007, f"'{name}' is not a valid login or you do not have permission.")
    return found
