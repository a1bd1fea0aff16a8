"""Runs batches: control flow, variables, and each statement by what it begins with."""

from __future__ import annotations

from dataclasses import replace

from tsql_server import ddl, permissions, procedures, security, tokens
from tsql_server.errors import TsqlError
from tsql_server.evaluation import Evaluation
from tsql_server.lexer import Token, dotted_name
from tsql_server.lexer import tokens as split
from tsql_server.output import Output
from tsql_server.script import Block, If, Simple, Statement, Try, While, parse
from tsql_server.session import Scope, Session
from tsql_server.translate import Translated
from tsql_server.typenames import postgres_type
from tsql_server.values import Value

COMMANDS = {"insert": tokens.INSERT, "update": tokens.UPDATE, "delete": tokens.DELETE}
DEEPEST = 32


class Return(Exception):
    """RETURN ends the batch."""


class Break(Exception):
    pass


class Continue(Exception):
    pass


class EndOfBatch(Exception):
    """An error that was sent already ends the batch."""


class Interpreter(Evaluation):
    def __init__(self, session: Session, output: Output) -> None:
        super().__init__(session)
        self.output = output
        self.depth = 0
        self.failed = False

    # --- batches ---

    def batch(self, text: str, scope: Scope | None = None) -> None:
        """Run a batch that a client sent. What goes wrong is sent as an error."""
        try:
            self.run(parse(text), scope or Scope())
        except (Return, Break, Continue, EndOfBatch):
            pass
        except TsqlError as error:
            self._send(error)

    def nested(self, text: str, scope: Scope) -> None:
        """EXEC('…') and sp_executesql: a batch in a batch, whose errors go on to the outer one."""
        if self.depth >= DEEPEST:
            raise TsqlError(
                217, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32)."
            )
        self.depth += 1
        try:
            self.run(parse(text), scope)
        except Return:
            pass
        finally:
            self.depth -= 1

    def run(self, statement: Statement, scope: Scope) -> None:
        match statement:
            case Block():
                for one in statement.statements:
                    self.run(one, scope)
            case If():
                if self.condition(statement.condition, scope):
                    self.run(statement.then, scope)
                elif statement.otherwise:
                    self.run(statement.otherwise, scope)
            case While():
                while self.condition(statement.condition, scope):
                    try:
                        self.run(statement.body, scope)
                    except Break:
                        break
                    except Continue:
                        continue
            case Try():
                self._try(statement, scope)
            case Simple():
                self._guarded(statement, scope)

    def _try(self, statement: Try, scope: Scope) -> None:
        session, depth = self.session, self.depth
        session.trying += 1
        try:
            self.run(statement.body, scope)
            caught = None
        except TsqlError as error:
            caught = error
        finally:
            session.trying -= 1
        self.depth = depth
        if caught:
            before, scope.error = scope.error, caught
            try:
                self.run(statement.handler, scope)
            finally:
                scope.error = before

    def _guarded(self, statement: Simple, scope: Scope) -> None:
        """One statement. Its error ends the batch, or only itself where XACT_ABORT is off and the error is a mild one."""
        session = self.session
        try:
            self._simple(statement, scope)
            session.last_error = 0
        except TsqlError as error:
            session.last_error = error.number
            if error.line == 1:
                error.line = statement.line
            if (
                session.trying
                or session.xact_abort
                or error.ends_batch
                or statement.tokens[0].word == "THROW"
            ):
                if session.trancount and not session.trying and session.xact_abort:
                    session.rollback_all()
                raise
            self._send(error)

    def _send(self, error: TsqlError) -> None:
        self.failed = True
        self.output.error(error)

    # --- statements ---

    def _simple(self, statement: Simple, scope: Scope) -> None:
        found, session = statement.tokens, self.session
        first = found[0].word
        second = found[1].word if len(found) > 1 else ""
        match first:
            case "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH" | "MERGE":
                self._query(found, scope)
            case "DECLARE":
                self._declare(found[1:], scope)
            case "SET":
                self._set(found[1:], scope)
            case "EXEC" | "EXECUTE":
                self._execute(found[1:], scope)
            case "USE":
                session.use(found[1].name)
                self.output.done()
            case "BEGIN":
                session.begin()
            case "COMMIT":
                session.commit()
            case "ROLLBACK":
                name = found[2].name if len(found) > 2 else ""
                if not (name and session.trancount and session.rollback_to(name)):
                    session.rollback(name)
            case "SAVE":
                session.save(found[2].name)
            case "PRINT":
                value = self.evaluate(found[1:], "nvarchar(max)", scope)
                self.output.info(0, value.string or " ")
            case "THROW":
                self._throw(found[1:], scope)
            case "RAISERROR":
                self._raiserror(found, scope)
            case "RETURN":
                raise Return
            case "BREAK":
                raise Break
            case "CONTINUE":
                raise Continue
            case "WAITFOR":
                self._wait(found, scope)
            case "KILL":
                number = int(found[1].text)
                with session.administrator():
                    session.backend.run(
                        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid % 32768 = {number}"
                    )
            case "GRANT" | "REVOKE" | "DENY":
                session.statement(lambda: permissions.permission(session, found), permission=first, many=True)
            case "CREATE" | "ALTER" | "DROP" | "TRUNCATE":
                session.statement(
                    lambda: self._definition(statement, scope),
                    permission=f"{first} {second}",
                    many=second != "DATABASE",
                )
            case _:
                if found[0].is_name:  # a procedure at the beginning of a batch needs no EXEC
                    self._execute(found, scope)
                    return
                raise TsqlError(102, f"Incorrect syntax near '{found[0].text}'.", 15)

    def _definition(self, statement: Simple, scope: Scope) -> None:
        if security.run(self.session, statement.tokens):
            return
        ddl.run(self.session, statement)

    def _query(self, found: list[Token], scope: Scope) -> None:
        session = self.session
        made, values = self.translated(found, scope)
        permission = {"insert": "INSERT", "update": "UPDATE", "delete": "DELETE"}.get(made.kind, "SELECT")
        if session.doomed and made.kind != "select":
            raise TsqlError(
                3930,
                "The current transaction cannot be committed and cannot support operations that write to the log file. "
                "Roll back the transaction.",
            )
        if made.into:
            session.statement(
                lambda: ddl.select_into(session, made, values), permission="CREATE TABLE", many=True
            )
        implicit = session.implicit_transactions
        if made.kind == "select" and not made.keys:
            session.implicit_transactions = False  # a SELECT of no table begins no transaction
        try:
            if made.into:
                return
            sql = (
                f"SELECT * FROM ({made.sql}) AS format_only LIMIT 0"
                if session.format_only and made.kind == "select"
                else made.sql
            )
            result = session.statement(
                lambda: session.backend.run(sql, values, binary=not made.assigns), permission=permission
            )
        except TsqlError as error:
            _name_schema(error, made)
            raise
        finally:
            session.implicit_transactions = implicit
        if made.fold:
            self.fold(made.fold, made.assigns[0], result, scope)
        elif made.assigns:
            last = result.ntuples - 1
            for column, name in enumerate(made.assigns):
                if last >= 0:
                    value = self.converted(result.get_value(last, column), scope.variables[name].type)
                    scope.variables[name] = Value(scope.variables[name].type, value)
            session.rowcount = result.ntuples
        elif made.returns_rows:
            session.rowcount = self.output.rows(result, session.column_types(result))
        else:
            session.rowcount = result.command_tuples or 0
            if session.nocount:
                self.output.done()
            else:
                self.output.done(COMMANDS.get(made.kind, 0), session.rowcount)

    # --- variables ---

    def _declare(self, found: list[Token], scope: Scope) -> None:
        """@a int = 1, @b AS nvarchar(10)"""
        for part in split_by_comma(found):
            name, rest = part[0].text.lower(), part[1:]
            if rest and rest[0].word == "AS":
                rest = rest[1:]
            if rest and rest[0].word == "TABLE":
                raise TsqlError(50000, "The stand-in has no table variables")
            equals = next((at for at, token in enumerate(rest) if token.text == "="), len(rest))
            kind = _joined(rest[:equals])
            postgres_type(kind, default_length=1)
            scope.variables[name] = Value(kind, None)
            if equals < len(rest):
                scope.variables[name] = self.evaluate(rest[equals + 1 :], kind, scope)

    def _set(self, found: list[Token], scope: Scope) -> None:
        session, first = self.session, found[0]
        if first.kind == "variable":
            name = first.text.lower()
            if name not in scope.variables:
                raise TsqlError(137, f'Must declare the scalar variable "{first.text}".', 15, 2)
            value = found[2:]
            if found[1].text in ("+=", "-=", "*=", "/="):
                value = split(f"{first.text} {found[1].text[0]} (") + value + split(")")
            scope.variables[name] = self.evaluate(value, scope.variables[name].type, scope)
            return
        is_on = found[-1].word == "ON"
        match first.word:
            case "XACT_ABORT":
                session.xact_abort = is_on
            case "NOCOUNT":
                session.nocount = is_on
            case "IMPLICIT_TRANSACTIONS":
                session.implicit_transactions = is_on
            case "LOCK_TIMEOUT":
                session.lock_timeout = int("".join(token.text for token in found[1:]))
                if not session.backend.failed:
                    session.apply()
            case "FMTONLY":
                session.format_only = is_on
            case "TRANSACTION":
                session.isolation = " ".join(token.word for token in found[3:])
            case "IDENTITY_INSERT" | _:
                pass  # what has no meaning here: ANSI_NULLS, QUOTED_IDENTIFIER, DATEFORMAT, TEXTSIZE, …

    # --- errors ---

    def _throw(self, found: list[Token], scope: Scope) -> None:
        if not found:
            if scope.error is None:
                raise TsqlError(
                    10704, "To rethrow an error, a THROW statement must be used inside a CATCH block.", 15
                )
            raise scope.error
        number, text, state = split_by_comma(found)
        raise TsqlError(
            int(self.evaluate(number, "int", scope).string or 50000),
            self.evaluate(text, "nvarchar(max)", scope).string or "",
            16,
            int(self.evaluate(state, "int", scope).string or 1),
        )

    def _raiserror(self, found: list[Token], scope: Scope) -> None:
        depth_end = len(found) if found[-1].text != "NOWAIT" else len(found) - 2
        inside = found[2 : depth_end - 1]
        text, severity, state, *arguments = split_by_comma(inside)
        message = self.evaluate(text, "nvarchar(max)", scope).string or ""
        values = tuple(
            self.evaluate(argument, "nvarchar(max)", scope).string or "(null)" for argument in arguments
        )
        for value in values:
            message = _first_mark(message, value)
        level = int(self.evaluate(severity, "int", scope).string or 16)
        number = int(self.evaluate(state, "int", scope).string or 1)
        if level <= 10:
            self.output.info(50000, message, level, number)
            return
        raise TsqlError(50000, message, level, number)

    def _wait(self, found: list[Token], scope: Scope) -> None:
        value = self.evaluate(found[2:], "nvarchar(30)", scope).string or "0"
        parts = [float(part) for part in value.split(":")]
        seconds = sum(part * 60**power for power, part in enumerate(reversed(parts)))
        if found[1].word == "TIME":
            raise TsqlError(50000, "The stand-in waits for a DELAY only")
        # PostgreSQL sleeps, so that a cancel and a client that goes away are heard.
        self.session.backend.run(f"SELECT pg_sleep({seconds})")

    # --- procedures ---

    def _execute(self, found: list[Token], scope: Scope) -> None:
        if found[0].text == "(":
            end = len(found) - 1
            while found[end].text != ")":
                end -= 1
            text = self.evaluate(found[1:end], "nvarchar(max)", scope).string or ""
            self.nested(text, Scope())
            return
        result = None
        if found[0].kind == "variable" and len(found) > 1 and found[1].text == "=":
            result, found = found[0].text.lower(), found[2:]
        name, end = dotted_name(found, 0)
        arguments = []
        for part in split_by_comma(found[end:]) if found[end:] else []:
            label = ""
            if len(part) > 2 and part[0].kind == "variable" and part[1].text == "=":
                label, part = part[0].text.lower(), part[2:]
            is_output = part[-1].word in ("OUTPUT", "OUT")
            part = part[:-1] if is_output else part
            arguments.append(self._argument(label, part, scope, is_output))
        status = procedures.call(self, name[-1].lower(), arguments, scope)
        if result:
            scope.variables[result] = replace(scope.variables[result], text=str(status).encode())

    def _argument(self, label: str, part: list[Token], scope: Scope, is_output: bool) -> procedures.Argument:
        if len(part) == 1 and part[0].kind == "variable" and not part[0].text.startswith("@@"):
            name = part[0].text.lower()
            if name not in scope.variables:
                raise TsqlError(137, f'Must declare the scalar variable "{part[0].text}".', 15, 2)
            return procedures.Argument(label, scope.variables[name], name if is_output else None)
        if len(part) == 1 and part[0].is_name:
            if part[0].word in ("NULL", "DEFAULT"):
                return procedures.Argument(label, Value("nvarchar(max)", None))
            return procedures.Argument(label, Value("nvarchar(max)", part[0].name.encode()))
        text = "".join(token.text for token in part)
        if part[0].kind == "string" or part[0].kind == "variable":
            return procedures.Argument(label, self.evaluate(part, "nvarchar(max)", scope))
        return procedures.Argument(
            label, Value("int" if text.lstrip("-").isdigit() else "nvarchar(max)", text.encode())
        )


def _name_schema(error: TsqlError, made: Translated) -> None:
    """PostgreSQL does not say in which schema something is that may not be read."""
    for relation in made.relations if error.number == 229 else []:
        if f"'{relation.name}'" in error.text:
            schema = relation.namespace.split(".", 1)[1]
            error.text = error.text.replace("schema 'dbo'", f"schema '{schema}'")


def split_by_comma(found: list[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _joined(found: list[Token]) -> str:
    return "".join(token.name for token in found) if found else ""


def _first_mark(message: str, value: str) -> str:
    at = min((message.find(mark) for mark in ("%s", "%d", "%i") if mark in message), default=-1)
    return message if at < 0 else message[:at] + value + message[at + 2 :]
