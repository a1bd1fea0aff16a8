"""The system procedures that there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tsql_server import indexes, security, views
from tsql_server.backend import PostgresError
from tsql_server.errors import TsqlError
from tsql_server.lexer import parse_name
from tsql_server.objects import at, required
from tsql_server.session import Scope, literal, quoted
from tsql_server.translate import stored_name
from tsql_server.values import Value

if TYPE_CHECKING:
    from tsql_server.interpreter import Interpreter


@dataclass(frozen=True)
class Argument:
    label: str
    value: Value
    output: str | None = None
    """The variable that takes the parameter's value at the end."""


Arguments = list[Argument]
ODBC_TYPES = (
    ("nvarchar", -9, 4000), ("varchar", 12, 8000), ("varbinary", -3, 8000), ("nchar", -8, 4000), ("char", 1, 8000), ("int", 4, 10),
    ("bigint", -5, 19), ("smallint", 5, 5), ("tinyint", -6, 3), ("bit", -7, 1), ("decimal", 3, 38), ("numeric", 2, 38), ("float", 6, 53),
    ("real", 7, 24), ("date", 91, 10), ("datetime2", 93, 27), ("datetime", 93, 23), ("time", -154, 16), ("datetimeoffset", -155, 34),
    ("uniqueidentifier", -11, 36),
)  # fmt: skip


def call(interpreter: Interpreter, name: str, arguments: Arguments, scope: Scope) -> int:
    """Run a procedure; returns its status."""
    if name == "sp_executesql":
        return _execute_sql(interpreter, arguments, scope)
    procedure = PROCEDURES.get(name)
    if procedure is None:
        raise TsqlError(2812, f"Could not find stored procedure '{name}'.", 16, 62)
    return procedure(interpreter, arguments)


def _named(arguments: Arguments, *labels: str) -> dict[str, str | None]:
    """Arguments by name, whether given by name or by place."""
    values: dict[str, str | None] = dict.fromkeys(labels)
    for place, argument in enumerate(arguments):
        label = (
            argument.label.lstrip("@").lower()
            if argument.label
            else labels[place]
            if place < len(labels)
            else ""
        )
        values[label] = argument.value.string
    return values


def declarations(text: str) -> list[tuple[str, str]]:
    """(name, type) of `@a int, @b nvarchar(10) OUTPUT`."""
    found, depth, part = [], 0, ""
    for character in text + ",":
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            words = part.split()
            if words:
                kind = " ".join(
                    word for word in words[1:] if word.upper() not in ("OUTPUT", "OUT", "READONLY", "AS")
                )
                found.append((words[0].lower(), kind))
            part = ""
        else:
            part += character
    return found


def _execute_sql(interpreter: Interpreter, arguments: Arguments, scope: Scope) -> int:
    text = arguments[0].value.string or ""
    inner, rest = Scope(), arguments[2:]
    declared = declarations(arguments[1].value.string or "") if len(arguments) > 1 else []
    targets = {}
    for place, (name, kind) in enumerate(declared):
        given = next(
            (one for one in rest if one.label == name),
            rest[place] if place < len(rest) and not rest[place].label else None,
        )
        if given is None:
            raise TsqlError(
                8178,
                f"The parameterized query '{text[:60]}' expects the parameter '{name}', which was not supplied.",
            )
        inner.variables[name] = Value(kind, given.value.text)
        if given.output:
            targets[given.output] = name
    interpreter.nested(text, inner)
    for target, name in targets.items():
        scope.variables[target] = replace(scope.variables[target], text=inner.variables[name].text)
    return 0


# --- application locks ---


def _get_lock(interpreter: Interpreter, arguments: Arguments) -> int:
    session = interpreter.session
    given = _named(arguments, "resource", "lockmode", "lockowner", "locktimeout", "dbprincipal")
    mode, owner = (given["lockmode"] or "").lower(), (given["lockowner"] or "Transaction").lower()
    timeout = session.lock_timeout if given["locktimeout"] is None else int(given["locktimeout"] or 0)
    if owner == "transaction" and not session.trancount:
        raise TsqlError(
            1224, "An invalid application lock resource was passed to sp_getapplock: there is no transaction."
        )
    shared = "_shared" if mode in ("shared", "intentshared") else ""
    scope = "_xact" if owner == "transaction" else ""
    key = f"tsql.applock_key({literal(given['resource'] or '')})"
    backend = session.backend
    if backend.value(f"SELECT pg_try_advisory{scope}_lock{shared}({key})") == "t":
        return 0
    if timeout == 0:
        return -1
    # Not the statement's own savepoint: with XACT_ABORT on there is none, and a lock that is not to be had is no error.
    inside = backend.in_transaction
    backend.script(
        f"SAVEPOINT applock; SET LOCAL lock_timeout = {max(timeout, 0)}"
        if inside
        else f"SET lock_timeout = {max(timeout, 0)}"
    )
    try:
        backend.run(f"SELECT pg_advisory{scope}_lock{shared}({key})")
    except PostgresError as error:
        if inside:
            backend.script("ROLLBACK TO SAVEPOINT applock")
        status = {"55P03": -1, "40P01": -3}.get(error.fields.state)
        if status is None:
            raise
        return status
    finally:
        session.apply()
    return 1


def _release_lock(interpreter: Interpreter, arguments: Arguments) -> int:
    given = _named(arguments, "resource", "lockowner", "dbprincipal")
    resource = given["resource"] or ""
    if (given["lockowner"] or "Transaction").lower() == "transaction":
        return 0  # it ends with the transaction
    key = f"tsql.applock_key({literal(resource)})"
    backend = interpreter.session.backend
    mode = backend.value(f"SELECT tsql.applock_mode('public', {literal(resource)}, 'Session')")
    if mode == "NoLock":
        raise TsqlError(
            1223,
            f"Cannot release the application lock (Database Principal: 'public', Resource: '{resource}') because it is not currently held.",
        )
    backend.run(f"SELECT pg_advisory_unlock{'_shared' if mode == 'Shared' else ''}({key})")
    return 0


# --- names ---


def _rename(interpreter: Interpreter, arguments: Arguments) -> int:
    session = interpreter.session
    given = _named(arguments, "objname", "newname", "objtype")
    old, new, kind = given["objname"] or "", given["newname"] or "", (given["objtype"] or "").upper()

    def work() -> None:
        try:
            name = parse_name(old)
        except TsqlError:
            name = [old]
        if kind in ("COLUMN", "INDEX"):
            table = session.find(name[:-1])
            if table is None:
                raise TsqlError(
                    15248,
                    f"Either the parameter @objname is ambiguous or the claimed @objtype ({kind}) is wrong.",
                    11,
                )
            if kind == "INDEX":
                internal = indexes.index_of(session, table, name[-1])
                if internal is None:
                    raise TsqlError(
                        15248,
                        f"Either the parameter @objname is ambiguous or the claimed @objtype ({kind}) is wrong.",
                        11,
                    )
                rest = session.backend.value(
                    "SELECT split_part(obj_description($1::regclass), '|', 2)",
                    f"{quoted(table.namespace)}.{quoted(internal)}",
                )
                session.backend.run(
                    f"COMMENT ON INDEX {quoted(table.namespace)}.{quoted(internal)} IS {literal(f'{new}|{rest}')}"
                )
                return
            column = next((one for one in table.columns if one.lower() == name[-1].lower()), None)
            if column is None:
                raise TsqlError(
                    15248,
                    f"Either the parameter @objname is ambiguous or the claimed @objtype ({kind}) is wrong.",
                    11,
                )
            session.backend.run(f"ALTER TABLE {at(table)} RENAME COLUMN {quoted(column)} TO {quoted(new)}")
            return
        relation = session.find(name)
        if relation is None:
            raise TsqlError(
                15225, f"No item by the name of '{old}' could be found in the current database '{session.database}', given that "
                f"@itemtype was input as '{given['objtype'] or '(null)'}'.", 11
            )  # fmt: skip
        schema = relation.namespace.split(".", 1)[1]
        if session.find([schema, new]) and new.lower() != relation.name.lower():
            raise TsqlError(
                15335,
                f"Error: The new name '{new}' is already in use as a object name and would cause a duplicate that is not permitted.",
                11,
            )
        views.cut_off(session, relation)
        word = "VIEW" if relation.kind == "v" else "TABLE"
        session.backend.run(f"ALTER {word} {at(relation)} RENAME TO {quoted(session.stored(new))}")
        views.rebind(session, (relation.namespace.lower(), stored_name(new).lower()))

    session.statement(work, permission="ALTER", many=True)
    interpreter.output.info(
        15477, "Caution: Changing any part of an object name could break scripts and stored procedures."
    )
    return 0


def _refresh_view(interpreter: Interpreter, arguments: Arguments) -> int:
    session = interpreter.session
    relation = session.find(parse_name(_named(arguments, "viewname")["viewname"] or ""))
    if relation is None:
        raise TsqlError(15165, "Could not find object or you do not have permission.")
    session.statement(lambda: views.bind(session, relation.oid), many=True)
    return 0


# --- descriptions ---


def _describe(interpreter: Interpreter, arguments: Arguments) -> int:
    import json

    session = interpreter.session
    text = arguments[0].value.string or ""
    described = json.dumps(interpreter.describe(text)).encode()
    result = session.backend.run(
        "SELECT is_hidden, column_ordinal, name, is_nullable, system_type_id, system_type_name, max_length, precision, scale, collation_name, "
        "user_type_id FROM tsql.tsql_described($1) WHERE error_number IS NULL",
        [described],
        binary=True,
    )
    interpreter.output.rows(result, session.column_types(result))
    return 0


def _describe_parameters(interpreter: Interpreter, arguments: Arguments) -> int:
    """What the driver asks before it binds parameters: the types of the columns that they go to, where it is plain."""
    from tsql_server import parameters

    return parameters.describe(interpreter, arguments[0].value.string or "")


def _add_member(interpreter: Interpreter, arguments: Arguments) -> int:
    from tsql_server.lexer import tokens

    session = interpreter.session
    given = _named(arguments, "rolename", "membername")
    text = f"ALTER ROLE [{given['rolename']}] ADD MEMBER [{given['membername']}]"
    session.statement(lambda: security.run(session, tokens(text)), many=True)
    return 0


def _type_info(interpreter: Interpreter, arguments: Arguments) -> int:
    """The driver's SQLGetTypeInfo: names, ODBC's numbers and sizes."""
    wanted = arguments[0].value.string if arguments else "0"
    session = interpreter.session
    rows = ", ".join(f"('{name}', {number}, {size})" for name, number, size in ODBC_TYPES)
    result = session.backend.run(
        'SELECT name::varchar(128) AS "TYPE_NAME", number::int2 AS "DATA_TYPE", size AS "PRECISION", NULL::varchar(32) AS "LITERAL_PREFIX", '
        'NULL::varchar(32) AS "LITERAL_SUFFIX", NULL::varchar(32) AS "CREATE_PARAMS", 1::int2 AS "NULLABLE" '
        f"FROM (VALUES {rows}) AS t(name, number, size) WHERE $1::int IN (0, number) ORDER BY number",
        [(wanted or "0").encode()],
        binary=True,
    )
    interpreter.output.rows(result, session.column_types(result))
    return 0


def _collations(interpreter: Interpreter, arguments: Arguments) -> int:
    """What bulk copies ask for: the collation of each column."""
    session = interpreter.session
    relation = required(session, parse_name(arguments[0].value.string or ""))
    result = session.backend.run(
        "SELECT column_id AS colid, name, CASE WHEN collation_name IS NULL THEN NULL ELSE '\\x0904d00034'::bytea END AS tds_collation_100, "
        "collation_name AS collation_100 FROM tsql_views.columns WHERE object_id = $1::int4 ORDER BY column_id",
        [str(relation.oid).encode()],
        binary=True,
    )
    interpreter.output.rows(result, session.column_types(result))
    return 0


def _nothing(_interpreter: Interpreter, _arguments: Arguments) -> int:
    return 0


def _reset(interpreter: Interpreter, _arguments: Arguments) -> int:
    interpreter.session.reset()
    return 0


PROCEDURES: dict[str, Callable[[Interpreter, Arguments], int]] = {
    "sp_getapplock": _get_lock,
    "sp_releaseapplock": _release_lock,
    "sp_rename": _rename,
    "sp_refreshview": _refresh_view,
    "sp_describe_first_result_set": _describe,
    "sp_describe_undeclared_parameters": _describe_parameters,
    "sp_tablecollations_100": _collations,
    "sp_datatype_info": _type_info,
    "sp_datatype_info_100": _type_info,
    "sp_addrolemember": _add_member,
    "sp_reset_connection": _reset,
    "sp_addextendedproperty": _nothing,
    "sp_updateextendedproperty": _nothing,
    "sp_dropextendedproperty": _nothing,
    "sp_updatestats": _nothing,
    "sp_set_session_context": _nothing,
    "sp_configure": _nothing,
}
