"""Tables and views by their names."""

from __future__ import annotations

from tsql_server.errors import TsqlError
from tsql_server.session import Session, quoted
from tsql_server.translate import Relation


def at(relation: Relation) -> str:
    return f"{quoted(relation.namespace)}.{quoted(relation.name)}"


def required(session: Session, name: list[str]) -> Relation:
    found = session.find(name)
    if found is None:
        raise TsqlError(
            4902 if name else 208,
            f'Cannot find the object "{".".join(name)}" because it does not exist or you do not have permissions.',
        )
    return found
