"""One T-SQL statement to PostgreSQL: sqlglot's translation, names found without their case, variables as parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tsql_server import dialect
from tsql_server.errors import TsqlError
from tsql_server.lexer import Token
from tsql_server.preparing import prepared
from tsql_server.typenames import postgres_type


@dataclass(frozen=True)
class Relation:
    """A table or view as PostgreSQL has it."""

    namespace: str
    name: str
    kind: str
    oid: int
    columns: tuple[str, ...]
    bound: bool = True


Key = tuple[str, str]
Resolve = Callable[[Iterable[Key]], Mapping[Key, Relation]]


@dataclass
class Names:
    """Where a name without database or schema leads, and what is there."""

    database: str
    resolve: Resolve
    namespace: Callable[[list[str]], str]
    schema: str = "dbo"

    def key(self, table: exp.Table) -> Key:
        return f"{table.catalog or self.database}.{table.db or self.schema}".lower(), stored_name(
            table.name
        ).lower()


def stored_name(name: str) -> str:
    """The name that PostgreSQL keeps, which has 63 bytes at most where SQL Server's has 128 characters."""
    if len(name.encode()) <= 63:
        return name
    return f"{name[:40]}~{hashlib.sha256(name.lower().encode()).hexdigest()[:20]}"


@dataclass
class Translated:
    sql: str
    variables: list[str]
    kind: str
    """select, insert, update, delete or other."""
    relations: list[Relation] = field(default_factory=list)
    assigns: list[str] = field(default_factory=list)
    """The variables that a SELECT sets."""
    into: str = ""
    """The name of the table that SELECT … INTO makes."""
    returns_rows: bool = False
    keys: list[Key] = field(default_factory=list)
    fold: Translated | None = None
    """For a variable that is set from itself and the row: what to work out for each row, from `@@column N`."""


def translate(found: list[Token], names: Names, types: Mapping[str, str], *, prefix: str = "") -> Translated:
    """`types` are the declared types of variables. `prefix` goes before the statement's text, such as `SELECT `."""
    text, variables, hints, output = prepared(found)
    tree = _parsed(prefix + text).copy()
    return _Translation(tree, names, types, variables, hints, output).result()


@lru_cache(maxsize=512)
def _parsed(text: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(text, read=dialect.StandIn)
    except (SqlglotError, RecursionError) as error:
        near = getattr(error, "errors", None) or [{}]
        raise TsqlError(
            102, f"Incorrect syntax near '{near[0].get('highlight', '')}'. ({error})"[:900], 15
        ) from None
    if len(trees) != 1 or trees[0] is None:
        raise TsqlError(102, f"Incorrect syntax near '{text[:60]}'.", 15)
    return trees[0]


class _Translation:
    def __init__(
        self,
        tree: exp.Expression,
        names: Names,
        types: Mapping[str, str],
        variables: list[str],
        hints: set[str],
        output: str,
    ) -> None:
        self.tree, self.names, self.types, self.variables, self.hints = tree, names, types, variables, hints
        self.output = output
        self.used: list[str] = []
        self.relations: dict[Key, Relation] = {}
        self.columns: dict[str, str] = {}
        self.fold: Translated | None = None

    def result(self) -> Translated:
        tree = self.tree
        assigns = self._assignments()
        if self.output:
            self._returning()
        self._targets()
        self._find_relations()
        self._find_columns()
        if isinstance(tree, exp.Query):
            self._name_columns()
        name = self._into_name()
        tree = self._walk(tree)
        into = None
        if isinstance(tree, exp.Select) and tree.args.get("into"):
            into = tree.args["into"].this
            tree.set("into", None)
        sql = tree.sql("postgres", identify=True)
        if into is not None:
            temporary = "TEMPORARY " if into.name.startswith("#") else ""
            sql = f"CREATE {temporary}TABLE {self._created(into)} AS {sql}"
        elif self.hints & {"UPDLOCK", "XLOCK"} and _has_plain_rows(tree):
            sql += " FOR UPDATE"
        kinds = {exp.Insert: "insert", exp.Update: "update", exp.Delete: "delete", exp.Merge: "merge"}
        kind = "select" if isinstance(tree, exp.Query) else kinds.get(type(tree), "other")
        return Translated(
            sql=sql,
            variables=self.used,
            kind=kind,
            relations=list(self.relations.values()),
            assigns=assigns,
            into=name,
            returns_rows=(kind == "select" and into is None) or bool(tree.args.get("returning")),
            keys=self.keys,
            fold=self.fold,
        )

    # --- statements ---

    def _into_name(self) -> str:
        into = self.tree.args.get("into") if isinstance(self.tree, exp.Select) else None
        return into.this.name if into else ""

    def _assignments(self) -> list[str]:
        """The variables of SELECT @a = …, @b = …; what they are set to becomes the select list."""
        tree = self.tree
        if not isinstance(tree, exp.Select):
            return []
        pairs = [
            item for item in tree.expressions if isinstance(item, exp.EQ) and _variable(item.this) is not None
        ]
        if not pairs or len(pairs) != len(tree.expressions):
            return []
        own = _variable(pairs[0].this)
        if len(pairs) == 1 and any(_variable(node) == own for node in pairs[0].expression.walk()):
            self._fold(pairs[0].expression)
        else:
            tree.set("expressions", [pair.expression for pair in pairs])
        return [self.variables[_variable(pair.this) or 0] for pair in pairs]

    def _fold(self, expression: exp.Expression) -> None:
        """SELECT @a = @a + column: T-SQL works it out row by row. The columns are read, and the rest is for the reader."""
        columns = list(dict.fromkeys(column.sql("tsql") for column in expression.find_all(exp.Column)))
        for column in list(expression.find_all(exp.Column)):
            name = f"@@column {columns.index(column.sql('tsql'))}"
            if name not in self.variables:
                self.variables.append(name)
            number = exp.Literal.number(self.variables.index(name))
            column.replace(exp.Anonymous(this="tsqlvar", expressions=[number]))
        self.tree.set(
            "expressions", [_parsed("SELECT " + column).expressions[0].copy() for column in columns]
        )
        types = dict(self.types) | {f"@@column {at}": "nvarchar(max)" for at in range(len(columns))}
        part = _Translation(
            exp.Select(expressions=[expression]), self.names, types, self.variables, set(), ""
        ).result()
        self.fold = part

    def _returning(self) -> None:
        parsed = _parsed("SELECT " + self.output).copy()
        for column in list(parsed.find_all(exp.Column)):
            if column.table.lower() == "deleted" and isinstance(self.tree, exp.Update):
                raise TsqlError(50000, "The stand-in has no old values of an UPDATE")
            column.set("table", None)
        self.tree.set("returning", exp.Returning(expressions=parsed.expressions))

    def _targets(self) -> None:
        """UPDATE and DELETE may name an alias of their FROM; PostgreSQL has the table in its place."""
        tree = self.tree
        if isinstance(tree, exp.Update | exp.Delete):
            source = tree.args.get("from_")
            if isinstance(tree, exp.Delete) and tree.args.get("tables"):
                target, source = tree.args["tables"][0], exp.From(this=tree.this)
                tree.set("tables", None)
            elif source is None:
                return
            else:
                target = tree.this
            first = source.this
            joins = list(first.args.get("joins") or [])
            first.set("joins", None)
            everything = [first, *(join.this for join in joins)]
            own = next((t for t in everything if t.alias_or_name.lower() == target.name.lower()), None)
            conditions = [join.args["on"] for join in joins if join.args.get("on")]
            if own is None:
                own, others = target, everything
            else:
                others = [t for t in everything if t is not own]
            tree.set("this", own)
            if isinstance(tree, exp.Update):
                tree.set("from_", exp.From(this=others[0]) if others else None)
                if others[1:]:
                    others[0].set("joins", [exp.Join(this=t, kind="CROSS") for t in others[1:]])
            else:
                tree.set("using", others or None)
            for condition in conditions:
                where = tree.args.get("where")
                both = exp.and_(where.this, condition) if where else condition
                tree.set("where", exp.Where(this=both))

    # --- names ---

    def _find_relations(self) -> None:
        self.ctes = {cte.alias.lower() for cte in self.tree.find_all(exp.CTE)}
        tables = [table for table in self.tree.find_all(exp.Table) if self._is_relation(table)]
        self.keys = list(dict.fromkeys(self.names.key(table) for table in tables))
        if self.keys:
            self.relations = dict(self.names.resolve(self.keys))

    def _is_relation(self, table: exp.Table) -> bool:
        if not isinstance(table.this, exp.Identifier):
            return False
        return bool(table.db or table.catalog) or table.name.lower() not in self.ctes

    def _find_columns(self) -> None:
        """Every name that a column may have, by its lower case; names that differ in case stay as they are typed."""
        known: set[str] = set()
        for relation in self.relations.values():
            known.update(relation.columns)
        for alias in self.tree.find_all(exp.Alias):
            known.add(alias.alias)
        for alias in self.tree.find_all(exp.TableAlias):
            known.update(column.name for column in alias.args.get("columns") or [])
        self.known = known
        for name in sorted(known):
            self.columns[name.lower()] = name

    def _name_columns(self) -> None:
        """What has no name in T-SQL has PostgreSQL's mark for that; columns are called as they are typed."""
        top = self.tree
        while isinstance(top, exp.SetOperation | exp.Subquery):
            top = top.this
        if not isinstance(top, exp.Select):
            return
        named = []
        for item in top.expressions:
            if isinstance(item, exp.Column) and not isinstance(item.this, exp.Star):
                actual = self._column_name(item.name)
                if actual != item.name:
                    item = exp.alias_(item, item.name, quoted=True)
            elif not isinstance(item, exp.Alias | exp.Star | exp.Column):
                item = exp.alias_(item, "?column?", quoted=True)
            named.append(item)
        top.set("expressions", named)

    def _column_name(self, name: str) -> str:
        return name if name in self.known else self.columns.get(name.lower(), name)

    # --- nodes ---

    def _walk(self, node: exp.Expression) -> exp.Expression:
        """The parts first, since a node may be put into a new one."""
        for child in list(node.iter_expressions()):
            key, index = child.arg_key, child.index
            changed = self._walk(child)
            if changed is not child:
                node.set(key, changed, index)
        return self._node(node)

    def _node(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.TableAlias):
            if node.this:
                node.set("this", exp.to_identifier(node.name.lower(), quoted=True))
            return node
        if isinstance(node, exp.Column):
            if isinstance(node.this, exp.Identifier):
                node.this.set("this", self._column_name(node.name))
            if node.table:
                node.set("table", exp.to_identifier(node.table.lower(), quoted=True))
            node.set("db", None)
            node.set("catalog", None)
            return node
        if isinstance(node, exp.Schema) and isinstance(node.parent, exp.Insert):
            for column in node.expressions:
                if isinstance(column, exp.Identifier):
                    column.set("this", self._column_name(column.name))
            return node
        number = _variable(node)
        if number is not None:
            return self._parameter(self.variables[number])
        if isinstance(node, exp.Limit) and _variable(node.expression) is not None:
            return node
        return dialect.expression(node)

    def _parameter(self, name: str) -> exp.Expression:
        if name not in self.types:
            raise TsqlError(137, f'Must declare the scalar variable "{name}".', 15, 2)
        if name not in self.used:
            self.used.append(name)
        number = exp.Parameter(this=exp.Literal.number(self.used.index(name) + 1))
        return dialect.cast(number, postgres_type(self.types[name], default_length=1))

    def _table(self, node: exp.Table) -> exp.Table:
        node.set("hints", None)
        if not self._is_relation(node):
            if isinstance(node.this, exp.Identifier):
                node.this.set("this", node.name.lower())
            return node
        relation = self.relations.get(self.names.key(node))
        name = node.name
        inserted = isinstance(node.parent, exp.Schema | exp.Into) or (
            isinstance(node.parent, exp.Insert) and node.arg_key == "this"
        )
        if name.startswith("#"):
            node.set("db", None)
            node.this.set("this", name.lower())
        elif relation:
            node.set("db", exp.to_identifier(relation.namespace, quoted=True))
            node.this.set("this", relation.name)
        else:
            parts = [node.catalog, node.db, name]
            space = (
                self.names.namespace(parts) if isinstance(node.parent, exp.Into) else self.names.key(node)[0]
            )
            node.set("db", exp.to_identifier(space, quoted=True))
            node.this.set("this", stored_name(name))
        node.set("catalog", None)
        if not inserted and not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name.lower(), quoted=True)))
        return node

    def _created(self, table: exp.Table) -> str:
        return exp.Table(this=table.this, db=table.args.get("db")).sql("postgres", identify=True)


def _has_plain_rows(tree: exp.Expression) -> bool:
    return isinstance(tree, exp.Select) and not tree.find(exp.AggFunc, exp.Group, exp.Distinct)


def _variable(node: exp.Expression | None) -> int | None:
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "tsqlvar":
        return int(node.expressions[0].name)
    return None
