"""What `dataops ci dbt` finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dataops_cli.ci.data_diff import TableDiff
from dataops_cli.ci.dbt_base import Base
from dataops_cli.ci.dbt_compiling import Compiled
from dataops_cli.ci.dbt_faults import Fault
from dataops_cli.ci.dbt_selection import Selection
from dataops_cli.ci.dbt_side import Side
from dataops_cli.ci.dbt_sqlserver import SqlServerTests, not_run
from dataops_cli.dbt.results import NodeResult
from dataops_cli.pipeline.execution import RunOutcome


@dataclass(frozen=True)
class Note:
    """Something that is no fault and was not done, with how it would be."""

    text: str
    remedy: str = ""


@dataclass
class DbtCheck:
    """What was found at the commit `head`. `diff` is None where nothing was compared. `allowed_by` says where the change says that it
    breaks something. `timings` are seconds by step."""

    artifacts: Path
    base: Base
    head: str | None = None
    branch: Side | None = None
    before: Side | None = None
    selection: Selection | None = None
    compiled: list[Compiled] = field(default_factory=list)
    run: RunOutcome | None = None
    code_tests: list[NodeResult] | None = None
    diff: tuple[TableDiff, ...] | None = None
    breaking: list[str] = field(default_factory=list)
    allowed_by: str | None = None
    sqlserver: SqlServerTests = field(default_factory=not_run)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.faults
