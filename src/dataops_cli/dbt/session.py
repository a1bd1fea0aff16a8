"""dbt in this process: one import and one parse for every command of a run.

dbt writes nothing to the terminal here; its log goes to a file, its events to a callback. Ctrl-C ends what it does,
or is heard when it is done: what reads its cache and writes its artifacts has an `except:`.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataops_cli.dbt.results import NodeResult
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.interrupts import interrupts_kept

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

QUIET = ("--log-level", "none", "--log-level-file", "info", "--no-use-colors", "--no-write-json")

# dbt's commands that read a project; the others (init, --version, …) are passed on as they are.
ON_A_PROJECT = frozenset(
    [
        "build",
        "clean",
        "clone",
        "compile",
        "debug",
        "deps",
        "docs",
        "list",
        "ls",
        "parse",
        "retry",
        "run",
        "run-operation",
        "seed",
        "show",
        "snapshot",
        "source",
        "test",
    ]
)


@dataclass
class DbtSession:
    """dbt on one project, with the variables that its profile reads.

    `target` keeps dbt's cache and compiled SQL from run to run; `logs` gets this run's dbt.log.
    """

    project: Path
    target: Path
    logs: Path
    environment: Mapping[str, str]
    variables: Mapping[str, Any] = field(default_factory=dict)
    manifest: Manifest | None = None

    def install_packages(self) -> bool:
        """`dbt deps`, unless what it would install is there already. Returns whether it ran."""
        from filelock import FileLock

        wanted = b"".join(
            (self.project / name).read_bytes()
            for name in ("packages.yml", "dependencies.yml", "package-lock.yml")
            if (self.project / name).exists()
        )
        folder = self._packages_folder().resolve()
        stamp = folder / ".installed"

        def installed() -> bool:
            # A local package is a link, which breaks when the platform's folder is moved.
            links = all(path.exists() for path in folder.iterdir()) if folder.exists() else False
            return links and stamp.exists() and stamp.read_bytes() == wanted

        if installed():  # perhaps where nothing can be written, as in an image
            return False
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):  # all environments share the folder
            if installed():
                return False
            self._invoke("deps", [], own_paths=False)
            if folder.exists():
                stamp.write_bytes(wanted)
        return True

    def parse(self) -> Path:
        """Read the project, from the cache where files have not changed. Returns the manifest's path."""
        # dbt keeps hundreds of thousands of objects to the end. A collector that looks at them again and
        # again takes a tenth of a run (measured), so it is told to be rare.
        gc.set_threshold(100_000, 20, 20)
        self.manifest = self._invoke("parse", [])
        path = self.logs / "manifest.json"  # not in the cache, which a plan shares with a run
        write_artifact(self.manifest, path)
        return path

    def select(
        self, select: Sequence[str], exclude: Sequence[str], kinds: Sequence[str], state: Path | None = None
    ) -> list[str]:
        """The unique ids that dbt's selection syntax gives, of the kinds given (model, test, …)."""
        import json

        arguments = ["--output", "json", "--output-keys", "unique_id", "--indirect-selection", "empty"]
        for kind in kinds:
            arguments += ["--resource-type", kind]
        if select:
            arguments += ["--select", *select]
        if exclude:
            arguments += ["--exclude", *exclude]
        if state:
            arguments += ["--state", str(state)]
        return [json.loads(line)["unique_id"] for line in self._invoke("list", arguments) or []]

    def build(
        self,
        selectors: Sequence[str],
        on_event: Callable[[Any], None],
        *,
        threads: int,
        fail_fast: bool = False,
    ) -> tuple[list[NodeResult], Any]:
        """`dbt build` of exactly the nodes selected. Returns their results, and dbt's own for its artifact.

        A failing model or test is a result; DataopsError is raised for what keeps dbt from running.
        """
        # dbt would add the unit tests of every model selected. They test code, not data: `dataops dbt test`.
        exact = ["--indirect-selection", "empty", "--exclude-resource-type", "unit_test"]
        arguments = ["--threads", str(threads), *exact, "--select", *selectors]
        outcome = self._invoke("build", arguments + ["--fail-fast"] * fail_fast, on_event, may_fail=True)
        return [NodeResult.from_dbt(result) for result in outcome.results], outcome

    def compile(self, exclude: Sequence[str] = ()) -> list[NodeResult]:
        """`dbt compile` of everything but `exclude`, without a connection.

        Raises DataopsError also for the first model that queries the database while it is compiled.
        """
        arguments = ["--no-introspect", "--no-populate-cache"]
        if exclude:  # and not the tests of it
            arguments += ["--indirect-selection", "empty", "--exclude", *exclude]
        outcome = self._invoke("compile", arguments, may_fail=True)
        return [NodeResult.from_dbt(result) for result in outcome.results]

    def unit_tests(self, threads: int, state: Path | None = None) -> tuple[list[NodeResult], Any]:
        """All unit tests, or those that differ from the manifest in `state` or whose model does. They read the columns
        of the tables that the models read. Returns as `build` does."""
        chosen = ["state:modified+,test_type:unit", "--state", str(state)] if state else ["test_type:unit"]
        outcome = self._invoke("test", ["--threads", str(threads), "--select", *chosen], may_fail=True)
        return [NodeResult.from_dbt(result) for result in outcome.results], outcome

    def freshness(self, threads: int) -> list[Any]:
        """`dbt source freshness`. Returns dbt's results, one a source with a freshness rule."""
        outcome = self._invoke("source freshness", ["--threads", str(threads)], may_fail=True)
        return list(outcome.results)

    def docs(self, into: Path) -> None:
        """Write catalog.json, what dbt's documentation site needs besides the manifest."""
        write_artifact(self._invoke("docs generate", ["--no-compile"]), into / "catalog.json")

    def passthrough(self, arguments: Sequence[str]) -> bool:
        """Any dbt command, writing to the terminal as dbt does. Returns dbt's success."""
        from dbt.cli.main import dbtRunner

        given = list(arguments)
        if given and given[0] in ON_A_PROJECT and "--help" not in given:
            if given[0] not in ("clean", "deps"):
                self.install_packages()
            given = self._with_variables(given)
            if not {"--project-dir", "--profiles-dir"} & set(given):
                given += self._project_arguments()
            if given[0] not in ("debug", "deps") and "--target-path" not in given:
                given += ["--target-path", str(self.target)]
        with interrupts_kept(), self._variables_set(), _sys_argv():
            outcome = dbtRunner().invoke(
                ["--log-path", str(self.logs), "--no-send-anonymous-usage-stats", *given]
            )
        if outcome.exception is not None:
            raise _explained(outcome.exception)
        return bool(outcome.success)

    def close(self) -> None:
        """Let go of the database file, so that it can be opened with other settings."""
        if "dbt.adapters.duckdb.connections" in sys.modules:
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager

            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def _invoke(
        self,
        command: str,
        arguments: Sequence[str],
        on_event: Callable[[Any], None] | None = None,
        *,
        may_fail: bool = False,
        own_paths: bool = True,
    ) -> Any:
        from dbt.cli.main import dbtRunner

        paths = self._project_arguments()
        if own_paths:
            paths += ["--target-path", str(self.target)]
        if self.variables:
            import json

            paths += ["--vars", json.dumps(self.variables)]
        runner = dbtRunner(manifest=self.manifest, callbacks=[on_event] if on_event else [])
        flags = [*QUIET, "--no-send-anonymous-usage-stats", "--log-path", str(self.logs)]
        # dbt's own variables (DBT_EMPTY, DBT_TARGET, …) would change what a run builds.
        hidden = [name for name in os.environ if name.startswith("DBT_") and not name.startswith("DBT_ENV_")]
        with interrupts_kept(), self._variables_set(hidden), _sys_argv():
            outcome = runner.invoke([*flags, *command.split(), *paths, *arguments])
        if outcome.exception is not None:
            raise _explained(outcome.exception)
        if not outcome.success and not (may_fail and outcome.result is not None):
            raise DataopsError(f"dbt {command} failed", hint=f"See what dbt says: {self.logs / 'dbt.log'}")
        return outcome.result

    def declared_variables(self) -> set[str]:
        """The variables of dbt_project.yml, those of a package's own section too."""
        declared: set[str] = set()
        for name, value in (self._project_file().get("vars") or {}).items():
            declared |= set(value) if isinstance(value, dict) else {name}
        return declared

    def fingerprint(self) -> str:
        """What `state:modified` does not see: variables and settings of the project, and all macros."""
        files = [self.project / "dbt_project.yml"]
        for folder in ("macros", "packages"):
            files += sorted(path for path in (self.project / folder).rglob("*") if path.is_file())
        digest = hashlib.sha256()
        for path in files:
            digest.update(str(path.relative_to(self.project)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def _packages_folder(self) -> Path:
        """Where the project has its packages installed (dbt's own default is `dbt_packages`)."""
        return self.project / str(self._project_file().get("packages-install-path", "dbt_packages"))

    def _project_file(self) -> dict[str, Any]:
        import yaml

        try:
            content = yaml.safe_load((self.project / "dbt_project.yml").read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError):
            return {}  # dbt says what is wrong with the file
        return content if isinstance(content, dict) else {}

    def _with_variables(self, arguments: list[str]) -> list[str]:
        """The arguments with the session's variables under those that the user gave."""
        import yaml

        variables = dict(self.variables)
        if "--vars" in arguments[:-1]:
            at = arguments.index("--vars")
            try:
                variables |= yaml.safe_load(arguments[at + 1]) or {}
            except (yaml.YAMLError, TypeError):
                return arguments  # dbt says what is wrong with them
            arguments = arguments[:at] + arguments[at + 2 :]
        return [*arguments, "--vars", yaml.safe_dump(variables)]

    def _project_arguments(self) -> list[str]:
        # dbt takes each `..` of a path away as text, which would lead elsewhere behind a link.
        project = str(self.project.resolve())
        return ["--project-dir", project, "--profiles-dir", project]

    @contextmanager
    def _variables_set(self, hidden: Sequence[str] = ()) -> Iterator[None]:
        """dbt reads variables from the process: set the profile's, and hide some, for the call only."""
        before = {name: os.environ.get(name) for name in (*self.environment, *hidden)}
        for name in hidden:
            del os.environ[name]
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def write_artifact(artifact: Any, path: Path) -> None:
    """Write what dbt returned as the file that dbt would have written."""
    with interrupts_kept():
        artifact.write(str(path))


@contextmanager
def _sys_argv() -> Iterator[None]:
    """dbt looks at sys.argv for its messages; ours would confuse it."""
    before = sys.argv
    sys.argv = ["dbt"]
    try:
        yield
    finally:
        sys.argv = before


def _explained(fault: BaseException) -> DataopsError:
    """dbt's exception as an error with its first line up front. Usage errors and wrong projects exit 2."""
    from dbt.cli.exceptions import DbtUsageException
    from dbt.exceptions import DbtProjectError, ParsingError
    from dbt_common.exceptions import CompilationError

    if isinstance(fault, ImportError) and "libodbc" in str(fault):
        return DataopsError(
            "The ODBC driver manager is missing: libodbc.so.2",
            hint="Install it: sudo apt-get install unixodbc",
            exit_code=ExitCode.UNAVAILABLE,
        )
    lines = [line.rstrip() for line in str(fault).splitlines() if line.strip()]
    usage = isinstance(fault, DbtUsageException)
    wrong_project = isinstance(fault, CompilationError | DbtProjectError | ParsingError)
    error = DataopsError(
        f"dbt: {lines[0].strip() if lines else type(fault).__name__}",
        details=tuple(lines[1:12]),
        hint="See: dataops dbt COMMAND --help. Options of dataops, such as --env, come before dbt's command."
        if usage
        else "Mend the file named above; check it with: dataops dbt parse",
        exit_code=ExitCode.USAGE if wrong_project or usage else ExitCode.FAILED,
    )
    error.__cause__ = fault
    return error
