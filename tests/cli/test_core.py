"""What holds for every command: help, errors, exit codes, global options, start-up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import typer

from dataops_cli.cli.application import Application
from dataops_cli.cli.subcommands import SUBCOMMANDS
from dataops_cli.errors import ExitCode
from support import ROOT, Dataops, clean_environment

HEAVY = {"docker", "dbt", "airflow_client", "duckdb", "pyodbc", "yaml"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, new_platform) -> Path:
    return new_platform(tmp_path_factory.mktemp("platform"))


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    command = typer.main.get_command(import_module(f"dataops_cli.cli.{name}").app)
    assert (command.help or "").strip().split("\n")[0] == SUBCOMMANDS[name][0]


def test_help_shows_the_exit_codes(dataops: Dataops, tmp_path: Path) -> None:
    shown = " ".join(dataops("--help", cwd=tmp_path).stdout.split())
    for code in ExitCode:
        assert f" {int(code)} " in shown


def imported_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}}, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment(),
        cwd=ROOT,
    )
    return set(done.stdout.split("\n"))


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["run", "--help"], ["source", "--help"], ["airflow", "trigger", "--help"]],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"from dataops_cli.__main__ import run\nassert run({arguments!r}) == 0"
    assert not imported_by(code) & HEAVY


COMPLETIONS = [
    ("dataops ", "run"),
    ("dataops --env ", "local"),
    ("dataops run --env ", "prod"),
    ("dataops run --layer ", "silver"),
    ("dataops run --select ", "gld_sales_summary"),
    ("dataops config explain dbt.", "dbt.threads"),
]


@pytest.mark.parametrize(("typed", "expected"), COMPLETIONS)
def test_completion_offers_names(platform: Path, typed: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dataops_cli"],
        cwd=platform,
        env=clean_environment(
            _DATAOPS_COMPLETE="complete_bash",
            COMP_WORDS=typed,
            COMP_CWORD=str(len(typed.split(" ")) - 1),
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout.split()
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not imported & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["--env", "ci", "env", "show"],
        ["env", "show", "--env", "ci"],
        ["env", "show", "-e", "ci"],
    ],
)
def test_the_environment_is_accepted_before_and_after(
    dataops: Dataops, platform: Path, arguments: list[str]
) -> None:
    assert json.loads(dataops("--json", *arguments, cwd=platform).stdout)["name"] == "ci"


def test_the_variable_names_the_environment_and_the_option_beats_it(dataops: Dataops, platform: Path) -> None:
    shown = dataops("env", "show", "--json", cwd=platform, DATAOPS_ENV="staging")
    assert json.loads(shown.stdout)["name"] == "staging"
    shown = dataops("env", "show", "--json", "--env", "dev", cwd=platform, DATAOPS_ENV="staging")
    assert json.loads(shown.stdout)["name"] == "dev"


def test_two_environments_are_refused(dataops: Dataops, platform: Path) -> None:
    done = dataops("--env", "dev", "env", "show", "--env", "prod", cwd=platform)
    assert done.returncode == 2
    assert done.stderr == "error: --env is given twice: dev and prod\n  → Name one environment.\n"


def test_the_root_is_found_from_below_by_option_and_by_variable(
    dataops: Dataops, platform: Path, tmp_path: Path
) -> None:
    below = platform / "dbt" / "models"
    assert dataops("env", "list", cwd=below).returncode == 0
    assert dataops("env", "list", "--project-dir", platform, cwd=tmp_path).returncode == 0
    assert dataops("env", "list", cwd=tmp_path, DATAOPS_PROJECT_DIR=str(platform)).returncode == 0


ERRORS = [
    (["env", "list"], 2, "error: No dataops platform in "),
    (["nonsense"], 2, "error: No such command 'nonsense'"),
    (["env", "list", "--nonsense"], 2, "error: No such option: --nonsense"),
    (
        ["env", "list", "--project-dir", "/nowhere"],
        2,
        "error: --project-dir is /nowhere, which is not a dataops",
    ),
]


@pytest.mark.parametrize(("arguments", "code", "start"), ERRORS)
def test_an_error_is_one_line_with_a_remedy(
    dataops: Dataops, tmp_path: Path, arguments: list[str], code: int, start: str
) -> None:
    done = dataops(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert done.stdout == ""
    first, remedy = done.stderr.splitlines()
    assert first.startswith(start)
    assert remedy.startswith("  → ")


@pytest.mark.parametrize(("arguments", "code", "start"), ERRORS)
def test_an_error_as_json(
    dataops: Dataops, tmp_path: Path, arguments: list[str], code: int, start: str
) -> None:
    done = dataops(*arguments, "--json", cwd=tmp_path)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["exit_code"]) == (code, code)
    assert error["reason"].startswith(start.removeprefix("error: "))
    assert error["hint"]
    assert done.stderr == ""


def test_debug_adds_the_traceback(dataops: Dataops, tmp_path: Path) -> None:
    assert "Traceback" not in dataops("env", "list", cwd=tmp_path).stderr
    assert "Traceback" in dataops("env", "list", "--debug", cwd=tmp_path).stderr


def test_a_reader_that_leaves_early_is_no_error(platform: Path) -> None:
    command = f"{sys.executable} -m dataops_cli config show --json | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=platform,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_config_validate_checks_every_environment(dataops: Dataops, tmp_path: Path, new_platform) -> None:
    platform = new_platform(tmp_path / "p")
    assert dataops("config", "validate", cwd=platform).returncode == 0
    prod = platform / "environments" / "prod.toml"
    prod.write_text(prod.read_text() + "\n[runs]\nkep = 3\n")
    line = len(prod.read_text().splitlines())
    done = dataops("config", "validate", "--env", "local", cwd=platform)
    assert done.returncode == 2
    assert f"environments/prod.toml:{line}: unknown setting runs.kep" in done.stderr


def test_config_explain(dataops: Dataops, platform: Path) -> None:
    done = dataops("config", "explain", "dbt.threads", "--json", cwd=platform, DATAOPS_DBT__THREADS="7")
    assert json.loads(done.stdout) == {
        "key": "dbt.threads",
        "meaning": "models and tests built side by side",
        "value": 7,
        "origin": "variable DATAOPS_DBT__THREADS",
        "shadows": [{"value": 4, "origin": "environments/local.toml:8"}, {"value": 4, "origin": "default"}],
    }


def test_config_never_shows_a_secret(dataops: Dataops, tmp_path: Path, new_platform) -> None:
    platform = new_platform(tmp_path / "p")
    text = "DATAOPS_WAREHOUSE__PASSWORD=hunter2\n"  # kingfisher:ignore
    (platform / "environments" / "local.secrets.env").write_text(text)
    for arguments in (["show"], ["explain", "warehouse.password"], ["validate"]):
        for option in ([], ["--json"], ["--debug", "--verbose"]):
            done = dataops("config", *arguments, *option, cwd=platform)
            assert done.returncode == 0
            assert "hunter2" not in done.stdout + done.stderr


def test_no_color(dataops: Dataops, platform: Path) -> None:
    for arguments, variables in ((["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {})):
        done = dataops("env", "list", *arguments, cwd=platform, **variables)
        assert "\x1b[" not in done.stdout
    colored = dataops("env", "list", cwd=platform, FORCE_COLOR="1")
    assert "\x1b[" in colored.stdout
    assert "\x1b[3" not in dataops("env", "lst", cwd=platform, FORCE_COLOR="1", NO_COLOR="1").stderr


def test_a_group_without_a_command_shows_its_help(dataops: Dataops, platform: Path) -> None:
    for arguments in ([], ["secrets"], ["source"]):
        done = dataops(*arguments, cwd=platform)
        assert done.returncode == 2
        assert "Usage: dataops" in done.stdout
        assert done.stderr == ""


def test_generations_alone_lists_them(dataops: Dataops, platform: Path) -> None:
    alone, listed = dataops("generations", cwd=platform), dataops("generations", "list", cwd=platform)
    assert (alone.returncode, alone.stdout) == (0, listed.stdout)
    assert "Nothing has been published yet" in alone.stdout
    assert json.loads(dataops("generations", "--json", cwd=platform).stdout) == []


def test_dbt_is_quiet_when_its_reader_has_seen_enough(platform: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "dbt", "ls"],
        cwd=platform,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert "Running with dbt" in process.stdout.readline()
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0


def test_a_misspelt_command_has_a_suggestion(dataops: Dataops, platform: Path) -> None:
    assert "'run', 'runs'" in dataops("runn", cwd=platform).stderr


def test_the_variable_of_dbts_profile_is_no_setting(dataops: Dataops, platform: Path) -> None:
    done = dataops("config", "show", cwd=platform, DATAOPS_DBT_THREADS="8")
    assert done.returncode == 2
    assert "Did you mean DATAOPS_DBT__THREADS?" in done.stderr


def test_dbt_installs_its_packages_and_refuses_json(dataops: Dataops, tmp_path: Path, new_platform) -> None:
    folder = new_platform(tmp_path / "p")
    listed = dataops("dbt", "ls", "--resource-type", "model", "--quiet", cwd=folder)
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.split()) == 9
    assert dataops("dbt", "ls", cwd=folder).returncode == 0
    assert dataops("--json", "dbt", "ls", cwd=folder).returncode == 2


def test_an_option_counts_also_where_the_settings_were_read_before(
    tmp_path: Path, new_platform: Callable[[Path], Path]
) -> None:
    app = Application(project_dir=new_platform(tmp_path / "platform"))
    before = app.environment.settings.dbt.threads
    app.override("dbt.threads", "--threads", before + 1)
    assert app.environment.settings.dbt.threads == before + 1
    assert app.environment.origin("dbt.threads") == "option --threads"
