"""SQL, by sqlfluff: models and tests as they are written, and as they are compiled for SQL Server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.tool import call
from dataops_cli.ci.paths import matching

WRITTEN = ("/dbt/models/**/*.sql", "/dbt/tests/**/*.sql")
# What is compiled has the layout of the macros that it comes from, and the adapter's spelling of types.
NOT_OF_COMPILED_SQL = "layout,CP02,CP05,RF04,ST06"


def _files(subject: Subject) -> list[str]:
    return matching(subject.files, WRITTEN)


def _look_as_written(subject: Subject, files: Sequence[str]) -> list[Finding]:
    """Its dbt templater compiles for DuckDB, which wants a warehouse to open, though it asks nothing of it."""
    import duckdb

    from dataops_cli.warehouse.embedded import Candidate

    _install_packages(subject)
    with TemporaryDirectory() as name:
        folder = Path(name)
        candidate = Candidate("lint", folder)
        for path in (candidate.path, candidate.source):
            duckdb.connect(path).close()
        environment = {**_dbt_paths(folder), **candidate.dbt_environment()}
        found = _sqlfluff(subject, folder, files, (), environment)
    return [
        Finding(path, item["start_line_no"], item["code"], item["description"], item["start_line_pos"])
        for path, item in found
    ]


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
    output = folder / "findings.json"
    call(
        "sqlfluff",
        *("lint", "--disable-progress-bar", "--format", "json", "--write-output", str(output), *arguments),
        folder=subject.root,
        files=files,
        environment=environment,
    )
    document = json.loads(output.read_text(encoding="utf-8"))
    return [(file["filepath"], item) for file in document for item in file["violations"]]


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
    "Much of it is mended by: dataops dbt deps && sqlfluff fix FILE; what a rule means: "
    "https://docs.sqlfluff.com/en/stable/reference/rules.html",
)
TSQL = Check(
    "tsql",
    "Models and tests as they are compiled for SQL Server, by sqlfluff (tsql)",
    ("dbt", "sqlfluff"),
    _files,
    _look_as_compiled,
    "Mend the model, or the macro that it calls; see what comes of it: dataops dbt compile",
)
