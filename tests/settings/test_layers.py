"""Settings come from layers, lowest first, and every fault names its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.project import Project
from dataops_cli.settings.layers import UNKNOWN_SETTINGS, key_lines, nearest
from dataops_cli.settings.load import REDACTED, load_environment
from dataops_cli.settings.variables import as_variables
from dataops_cli.stack.environment import for_a_command


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "base.toml").write_text("[warehouse]\nkeep_generations = 3\n")
    (folder / "local.toml").write_text('description = "here"\n\n[dbt]\nthreads = 2\n')
    return Project(tmp_path)


def write(project: Project, name: str, text: str) -> None:
    (project.environments / name).write_text(text)


def test_each_layer_beats_the_one_below(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def threads(**options: tuple[str, object]) -> tuple[int, str]:
        environment = load_environment(
            project, "local", {k.replace("__", "."): v for k, v in options.items()}
        )
        return environment.settings.dbt.threads, environment.origin("dbt.threads")

    write(project, "local.toml", "")
    assert threads() == (4, "default")
    write(project, "base.toml", "[dbt]\nthreads = 1\n")
    assert threads() == (1, "environments/base.toml:2")
    write(project, "local.toml", "\n\n[dbt]\nthreads = 2\n")
    assert threads() == (2, "environments/local.toml:4")
    write(project, "local.secrets.env", "DATAOPS_DBT__THREADS=3\n")
    assert threads() == (3, "environments/local.secrets.env (DATAOPS_DBT__THREADS)")
    monkeypatch.setenv("DATAOPS_DBT__THREADS", "5")
    assert threads() == (5, "variable DATAOPS_DBT__THREADS")
    assert threads(dbt__threads=("--threads", 6)) == (6, "option --threads")


def test_history_names_everything_that_is_shadowed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAOPS_DBT__THREADS", "5")
    history = load_environment(project, "local").history["dbt.threads"]
    assert [(value.raw, value.origin) for value in history] == [
        ("5", "variable DATAOPS_DBT__THREADS"),
        (2, "environments/local.toml:4"),
    ]


def test_secrets_come_from_files_above_the_secrets_file_and_below_variables(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "warehouse_password").write_text("from the file\n")
    (folder / "postgres_password").write_text(" spaces \n\n")
    (folder / "of_another").write_bytes(b"\xff")
    write(project, "local.secrets.env", "DATAOPS_WAREHOUSE__PASSWORD=below\n")
    monkeypatch.setenv("DATAOPS_SECRETS_DIR", str(folder))
    environment = load_environment(project, "local")
    settings = environment.settings
    assert settings.warehouse.password
    assert settings.secrets.postgres_password
    assert settings.warehouse.password.get_secret_value() == "from the file"
    assert settings.secrets.postgres_password.get_secret_value() == " spaces \n"
    assert [value.origin for value in environment.history["warehouse.password"]] == [
        f"file {folder}/warehouse_password",
        "environments/local.secrets.env (DATAOPS_WAREHOUSE__PASSWORD)",
    ]
    monkeypatch.setenv("DATAOPS_WAREHOUSE__PASSWORD", "above")
    assert load_environment(project, "local").origin("warehouse.password").startswith("variable ")


def test_a_secret_s_file_that_cannot_be_read_is_named(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAOPS_SECRETS_DIR", str(tmp_path))
    (tmp_path / "warehouse_password").mkdir()
    with pytest.raises(DataopsError) as caught:
        load_environment(project, "local")
    assert caught.value.reason == f"Cannot read the secret {tmp_path}/warehouse_password: Is a directory"
    (tmp_path / "warehouse_password").rmdir()
    (tmp_path / "warehouse_password").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        load_environment(project, "local")


def test_what_is_set_is_the_same_where_it_comes_as_variables(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        project,
        "far.toml",
        'description = "a b"\n[warehouse]\nengine = "sqlserver"\nencrypt = false\nserver = "db.example"\n'
        '[dbt]\nrunner = "container"\n[stack]\nenabled = true\n',
    )
    write(project, "far.secrets.env", "DATAOPS_WAREHOUSE__PASSWORD=hush\n")
    variables = as_variables(load_environment(project, "far"), {"dbt.runner": "process"})
    assert variables == {
        "DATAOPS_SETTINGS_FROM": "variables",
        "DATAOPS_WAREHOUSE__KEEP_GENERATIONS": "3",
        "DATAOPS_WAREHOUSE__ENGINE": "sqlserver",
        "DATAOPS_WAREHOUSE__ENCRYPT": "false",
        "DATAOPS_WAREHOUSE__SERVER": "db.example",
        "DATAOPS_DBT__RUNNER": "process",
    }
    elsewhere = Project(tmp_path / "elsewhere")
    elsewhere.environments.mkdir(parents=True)
    write(elsewhere, "base.toml", "")
    with pytest.raises(UsageError, match="There is no environment 'far'"):
        load_environment(elsewhere, "far")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    there = load_environment(elsewhere, "far")
    assert there.name == "far"
    assert (there.settings.warehouse.encrypt, there.settings.warehouse.keep_generations) == (False, 3)


def test_what_only_deploys_use_is_the_operator_s_own(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        project,
        "far.toml",
        '[deploy]\nbranch = "main"\nhook_timeout = 9\nkeep_releases = 2\n[backup]\nkeep = 9\n',
    )
    before = as_variables(load_environment(project, "far"), {})
    assert not [name for name in before if "BACKUP" in name or "BRANCH" in name or "HOOK" in name]
    assert before["DATAOPS_DEPLOY__KEEP_RELEASES"] == "2"
    # As the runbook says for a rollback where no backup can be made: it makes no container anew.
    monkeypatch.setenv("DATAOPS_BACKUP__BEFORE_DEPLOY", "false")
    assert as_variables(load_environment(project, "far"), {}) == before


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        (
            "[dbt]\nthread = 2\n",
            "environments/local.toml:2: unknown setting dbt.thread",
            "Did you mean dbt.threads?",
        ),
        (
            "[dbtt]\nthreads = 2\n",
            "environments/local.toml:2: unknown setting dbtt.threads",
            "Did you mean dbt.threads?",
        ),
        ("zzz = 1\n", "environments/local.toml:1: unknown setting zzz", "Every setting: dataops config show"),
        ("[dbt]\nthreads = two\n", "environments/local.toml:2: no valid TOML: Invalid value", None),
        (
            "[dbt\n",
            "environments/local.toml:1: no valid TOML: Expected ']' at the end of a table declaration",
            None,
        ),
        (
            "[dbt]\nthreads = 0\n",
            "environments/local.toml:2: dbt.threads: input should be greater than or equal to 1 (it is 0)",
            None,
        ),
        (
            '[warehouse]\nengine = "oracle"\n',
            "environments/local.toml:2: warehouse.engine: input should be 'duckdb' or 'sqlserver' (it is 'oracle')",
            None,
        ),
        (
            "[freshness]\nwarn_after_days = 9\nerror_after_days = 3\n",
            "environments/local.toml:2: error_after_days must not be smaller than warn_after_days",
            None,
        ),
        (
            '[dbt]\nrunner = "airflow"\n',
            'settings: dbt.runner is airflow, which needs stack.enabled = true (or set dbt.runner = "process")',
            None,
        ),
    ],
)
def test_a_fault_names_file_line_and_remedy(
    project: Project, text: str, reason: str, hint: str | None
) -> None:
    write(project, "local.toml", text)
    with pytest.raises(UsageError) as caught:
        load_environment(project, "local")
    assert caught.value.reason == reason
    assert caught.value.exit_code is ExitCode.USAGE
    if hint:
        assert caught.value.hint == hint


def test_several_faults_are_listed_together(project: Project) -> None:
    write(project, "local.toml", '[dbt]\nthreads = 0\n[warehouse]\nport = "x"\n')
    with pytest.raises(UsageError) as caught:
        load_environment(project, "local")
    assert caught.value.reason == "2 settings are wrong"
    assert [detail.split(":")[1] for detail in caught.value.details] == ["4", "2"]


def test_a_misspelt_variable_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAOPS_DBT__THREDS", "5")
    with pytest.raises(UsageError, match="variable DATAOPS_DBT__THREDS: no setting has this name") as caught:
        load_environment(project, "local")
    assert caught.value.hint == "Did you mean DATAOPS_DBT__THREADS?"


def test_what_a_newer_dataops_says_is_left_out_where_it_is_not_known(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the container of a release that was rolled back to, or whose files are older than the operator's."""
    write(project, "local.toml", "[dbt]\nthreads = 5\n")
    told = for_a_command(load_environment(project, "local"))
    write(project, "local.toml", "")
    for name, value in {**told, "DATAOPS_NOTIFICATIONS__PIPELINE_SLOW": "ops"}.items():
        monkeypatch.setenv(name, value)
    assert load_environment(project, "local").settings.dbt.threads == 5
    monkeypatch.delenv(UNKNOWN_SETTINGS)
    with pytest.raises(UsageError, match="DATAOPS_NOTIFICATIONS__PIPELINE_SLOW: no setting has this name"):
        load_environment(project, "local")


def test_an_unknown_environment_names_the_nearest(project: Project) -> None:
    with pytest.raises(UsageError, match="no environment 'locl'") as caught:
        load_environment(project, "locl")
    assert caught.value.hint == "Did you mean local? There are: local"


def test_a_secret_is_never_shown(project: Project) -> None:
    write(project, "local.secrets.env", "DATAOPS_WAREHOUSE__PASSWORD='s3cr et\"$x'\n")
    environment = load_environment(project, "local")
    assert environment.shown("warehouse.password") == REDACTED
    password = environment.settings.warehouse.password
    assert password is not None
    assert password.get_secret_value() == 's3cr et"$x'
    assert "s3cr" not in repr(environment.settings)


def test_a_wrong_secret_is_not_quoted(project: Project) -> None:
    write(project, "local.toml", "[warehouse]\npassword = 12345\n")
    with pytest.raises(UsageError) as caught:
        load_environment(project, "local")
    assert "12345" not in caught.value.reason + "".join(caught.value.details)


def test_a_secret_in_a_settings_file_is_refused(project: Project) -> None:
    write(project, "local.toml", '[secrets]\npostgres_password = "hush"\n')
    with pytest.raises(UsageError, match=r"local.toml:2: secrets.postgres_password is a secret") as caught:
        load_environment(project, "local")
    assert "hush" not in caught.value.reason + caught.value.hint


def test_quotes_that_are_not_closed_are_named_by_their_line(project: Project) -> None:
    write(project, "local.secrets.env", "# mine\nDATAOPS_SECRETS__POSTGRES_PASSWORD='hush\n")
    with pytest.raises(UsageError, match=r"local.secrets.env:2: the quotes are not closed") as caught:
        load_environment(project, "local")
    assert "hush" not in caught.value.reason + caught.value.hint


@pytest.mark.parametrize("text", ['name = "Trial B"', 'prefix = "my stack-"'])
def test_names_that_no_engine_takes_are_refused(project: Project, text: str) -> None:
    write(project, "local.toml", f"[stack]\n{text}\n")
    with pytest.raises(UsageError, match=r"local.toml:2: stack.* should match pattern"):
        load_environment(project, "local")


@pytest.mark.parametrize(("name", "expected"), [("threds", "threads"), ("xyz", None)])
def test_nearest(name: str, expected: str | None) -> None:
    assert nearest(name, ["threads", "engine"]) == expected


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
tables = st.dictionaries(
    names, st.dictionaries(names, st.integers() | st.text("ab #[]=\"'", max_size=8), min_size=1)
)


@given(tables, st.lists(st.sampled_from(["", "# a comment", "  "]), max_size=3))
def test_key_lines_finds_every_key_on_its_line(
    document: dict[str, dict[str, object]], filler: list[str]
) -> None:
    import json
    import tomllib

    lines: list[str] = []
    expected = {}
    for table, keys in document.items():
        lines += [*filler, f"[{table}]"]
        for key, value in keys.items():
            lines.append(f"{key} = {json.dumps(value)}")
            expected[f"{table}.{key}"] = len(lines)
    text = "\n".join(lines)
    assert tomllib.loads(text) == document
    assert key_lines(text) == expected
