"""SQL, by sqlfluff: models and tests as they are written, and as they are compiled for SQL Server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.tool import batches, call
from dataops_cli.ci.paths import matching

WRITTEN = ("/dbt/models/**/*.sql", "/dbt/tests/**/*.sql")
# What is compiled has the layout of the macros that it comes from, and the adapter's spelling of types.
NOT_OF_COMPILED_SQL = "layout,CP02,CP05,RF04,ST06"


def _files(subject: Subject) -> list[str]:
    return matching(subject.files, WRITTEN)


@contextmanager
def _as_written(subject: Subject) -> Iterator[tuple[Path, dict[str, str]]]:
    """A temporary folder, and the variables with which sqlfluff's dbt templater can compile.

    It compiles for DuckDB, which wants a warehouse to open, though it asks nothing of it.
    """
    import duckdb

    from dataops_cli.warehouse.embedded import Candidate

    _install_packages(subject)
    with TemporaryDirectory() as name:
        folder = Path(name)
        candidate = Candidate("lint", folder)
        for path in (candidate.path, candidate.source):
            duckdb.connect(path).close()
        yield folder, {**_dbt_paths(folder), **candidate.dbt_environment()}


def _look_as_written(subject: Subject, files: Sequence[str]) -> list[Finding]:
    with _as_written(subject) as (folder, environment):
        found = _sqlfluff(subject, folder, files, (), environment)
    return [
        Finding(path, item["start_line_no"], item["code"], item["description"], item["start_line_pos"])
        for path, item in found
    ]


def _fix(subject: Subject, files: Sequence[str]) -> None:
    with _as_written(subject) as (_, environment):
        for batch in batches(files):
            call(
                *("sqlfluff", "fix", "--disable-progress-bar"),
                folder=subject.root,
                files=batch,
                environment=environment,
            )


def _look_as_compiled(subject: Subject, files: Sequence[str]) -> list[Finding]:
    """Lines are those of the compiled text, so the file alone is named."""
    _install_packages(subject)
    with TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**_dbt_paths(folder), "DATAOPS_DBT_TARGET": "sqlserver"}
        dbt = subject.project.dbt
        call(
            "dbt",
            *("--quiet", "--no-use-colors", "--no-send-anonymous-usage-stats", "compile"),
            *(
                "--no-introspect",
                "--no-populate-cache",
                "--project-dir",
                str(dbt),
                "--profiles-dir",
                str(dbt),
            ),
            folder=subject.root,
            codes=(0,),
            environment=environment,
        )
        compiled = {
            str(path): f"dbt/{inside}"
            for project in (folder / "target" / "compiled").glob("*")
            for path in project.rglob("*.sql")
            if f"dbt/{(inside := path.relative_to(project).as_posix())}" in files
        }
        if not compiled:  # every model is disabled
            return []
        arguments = ("--dialect", "tsql", "--templater", "raw", "--exclude-rules", NOT_OF_COMPILED_SQL)
        found = _sqlfluff(subject, folder, list(compiled), arguments, {})
    return [
        Finding(
            compiled[path],
            None,
            item["code"],
            f"as compiled, line {item['start_line_no']}: {item['description']}",
        )
        for path, item in found
    ]


def _sqlfluff(
    subject: Subject,
    folder: Path,
    files: Sequence[str],
    arguments: Sequence[str],
    environment: Mapping[str, str],
) -> list[tuple[str, dict[str, Any]]]:
    """The violations, each with its file. They go to a file: dbt's templater speaks on stdout."""
    output, found = folder / "findings.json", list[tuple[str, dict[str, Any]]]()
    always = ("--disable-progress-bar", "--format", "json", "--write-output", str(output))
    for batch in batches(files):
        call(
            *("sqlfluff", "lint", *always, *arguments),
            folder=subject.root,
            files=batch,
            environment=environment,
        )
        document = json.loads(output.read_text(encoding="utf-8"))
        found += [(file["filepath"], item) for file in document for item in file["violations"]]
    return found


def _install_packages(subject: Subject) -> None:
    from dataops_cli.dbt.session import DbtSession

    with TemporaryDirectory() as name:
        DbtSession(subject.project.dbt, Path(name), Path(name), {}).install_packages()


def _dbt_paths(folder: Path) -> dict[str, str]:
    return {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}


SQL = Check(
    "sql",
    "Models and tests as they are written, by sqlfluff (duckdb)",
    ("sqlfluff",),
    _files,
    _look_as_written,
    "Much of it is mended by: dataops ci lint --check sql --fix; what a rule means: "
    "https://docs.sqlfluff.com/en/stable/reference/rules.html",
    fix=_fix,
)
TSQL = Check(
    "tsql",
    "Models and tests as they are compiled for SQL Server, by sqlfluff (tsql)",
    ("dbt", "sqlfluff"),
    _files,
    _look_as_compiled,
    "Mend the model, or the macro that it calls; see what comes of it: dataops dbt compile",
)
