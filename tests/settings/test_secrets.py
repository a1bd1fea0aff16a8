"""Secrets are set, made and replaced in a file of the user's own, and shown nowhere."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.settings import secrets
from dataops_cli.settings.layers import secrets_layer
from dataops_cli.settings.secrets_file import changed, edited
from support import clean_environment

TYPED = "hunter2 of the tests"
STRONG = b"Strong enough 1"
WAREHOUSE = "DATAOPS_WAREHOUSE__PASSWORD"
POSTGRES = "DATAOPS_SECRETS__POSTGRES_PASSWORD"
JWT = "DATAOPS_SECRETS__AIRFLOW_JWT_SECRET"


@pytest.fixture
def platform(tmp_path: Path, new_platform: Callable[[Path], Path]) -> Path:
    return new_platform(tmp_path / "platform")


def file_of(platform: Path) -> Path:
    return platform / "environments" / "local.secrets.env"


def run(platform: Path, *arguments: str, stdin: bytes = b"", **variables: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "dataops_cli", "secrets", *arguments],
        cwd=platform,
        env=clean_environment(**variables),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- the file ---

one_line = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text.splitlines() == [text] and "\0" not in text
)
tricky = st.text("ab'\"\\ #$`=\t\x7fé€", min_size=1)


def read_back(folder: Path, text: str) -> dict[str, str]:
    path = folder / "some.secrets.env"
    path.write_bytes(text.encode())
    return {key: value.raw for key, value in secrets_layer(path, "some.secrets.env").items()}


@given(st.lists(st.tuples(st.sampled_from([WAREHOUSE, POSTGRES]), one_line | tricky), min_size=1, max_size=4))
def test_what_is_set_reads_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, settings: list[tuple[str, str]]
) -> None:
    text = "# a comment\n\nDATAOPS_DBT__THREADS=7 # seven\n"
    for name, value in settings:
        text = edited(text, {name: value})
    expected = {"dbt.threads": "7"} | {
        name.removeprefix("DATAOPS_").lower().replace("__", "."): value for name, value in settings
    }
    assert read_back(tmp_path_factory.getbasetemp(), text) == expected
    assert text.startswith("# a comment\n\nDATAOPS_DBT__THREADS=7 # seven\n")


@pytest.mark.parametrize("value", ["", "a\nb", "a\r", "a\x85b", "a\u2028b", "a\0b", "a\udcffb"])
def test_a_value_that_the_file_cannot_hold_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        edited("", {WAREHOUSE: value})
    assert not value or value not in caught.value.reason + caught.value.hint


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "N='new'\n"),
        ("# top\nM=1", "# top\nM=1\nN='new'\n"),
        ("N='old' # mine\nM=1\n", "N='new' # mine\nM=1\n"),
        ("\n\n  export N=\"old # 'x'\"  # mine\n# end\n", "\n\n  export N='new'  # mine\n# end\n"),
        ("N=old#er # mine\r\nM=1\r\n", "N='new' # mine\r\nM=1\r\n"),
        ("N= # mine\n", "N='new' # mine\n"),
        ("N=#old\n", "N='new'\n"),
        ("n=old\n", "N='new'\n"),
        ("N=old\nM=1\nN=older\n", "N='new'\nM=1\n"),
        ("N='ol\\'d' # it's\n", "N='new' # it's\n"),
    ],
)
def test_only_the_value_changes(before: str, after: str) -> None:
    assert edited(before, {"N": "new"}) == after


def test_without_replace_what_is_set_stays() -> None:
    assert edited("N=old\n", {"N": "new", "M": "1"}, replace=False) == "N=old\nM='1'\n"


def test_a_line_that_would_swallow_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dev.secrets.env"
    path.write_text("# fine\n\nN='hunter2\n")
    with (
        pytest.raises(UsageError, match=r"^Line 3 of the secrets file cannot be read$"),
        changed(path, {"M": "1"}),
    ):
        pytest.fail("the block must not run")
    assert path.read_text() == "# fine\n\nN='hunter2\n"


def test_the_file_is_the_owners_alone_and_stays_where_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "dev.secrets.env"
    path.write_text("N=old\n")
    path.chmod(0o644)
    with pytest.raises(ZeroDivisionError), changed(path, {"N": "new"}):
        1 / 0  # noqa: B018
    assert path.read_text() == "N=old\n"
    assert not path.with_name(".dev.new.secrets.env").exists()
    with changed(path, {"N": "new"}):
        assert path.read_text() == "N=old\n"
    assert path.read_text() == "N='new'\n"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_a_database_is_changed_is_heard_when_the_file_has_it(
    tmp_path: Path, number: int
) -> None:
    (tmp_path / "dev.secrets.env").write_text("N=old\n")
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), changed(tmp_path / "dev.secrets.env", {"N": "new"}):
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)
    assert (tmp_path / "dev.secrets.env").read_text() == "N='new'\n"
    with changed(tmp_path / "dev.secrets.env", {"N": "newer"}):  # its lock was let go
        pass


def test_what_a_kill_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".dev.new.secrets.env").write_text("N=half")
    (tmp_path / ".dev.new.secrets.env").chmod(0o644)
    with changed(tmp_path / "dev.secrets.env", {"N": "new"}):
        pass
    assert (tmp_path / "dev.secrets.env").read_text() == "N='new'\n"
    assert (tmp_path / "dev.secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "safe").mkdir()
    (tmp_path / "dev.secrets.env").symlink_to("safe/dev.secrets.env")
    with changed(tmp_path / "dev.secrets.env", {"N": "new"}):
        pass
    assert (tmp_path / "dev.secrets.env").is_symlink()
    assert (tmp_path / "safe" / "dev.secrets.env").read_text() == "N='new'\n"


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "dev.secrets.env"

    def change(name: str) -> None:
        with changed(path, {name: name}):
            pass

    threads = [threading.Thread(target=change, args=[f"N{number}"]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().splitlines()) == sorted(f"N{i}='N{i}'" for i in range(12))


def test_a_lock_that_stays_taken_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataops_cli.settings.secrets_file.WAIT_SECONDS", 0.1)
    path = tmp_path / "dev.secrets.env"
    with changed(path, {"N": "1"}), pytest.raises(DataopsError) as caught, changed(path, {"N": "2"}):
        pytest.fail("the block must not run")
    assert caught.value.exit_code is ExitCode.LOCKED
    assert path.read_text() == "N='1'\n"


def test_git_ignores_the_file_and_what_stands_beside_it(platform: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=platform, check=True)
    with changed(file_of(platform), {WAREHOUSE: "x"}):
        shown = subprocess.run(
            ["git", "status", "--short", "--untracked-files=all", "environments"],
            cwd=platform,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert {path.name for path in file_of(platform).parent.glob(".*")} == {
            ".local.lock.secrets.env",
            ".local.new.secrets.env",
        }
    assert "secrets" not in shown
    assert "base.toml" in shown


# --- values ---


def test_keys_and_fresh_values_fit() -> None:
    keys = secrets.secret_keys()
    assert "warehouse.password" in keys
    assert {*keys} == {*secrets.COMPOSE_VARIABLES}
    assert {*secrets.LOGINS} <= {*keys}
    assert {"POSTGRES_PASSWORD", "WAREHOUSE_READER_PASSWORD"} <= {*secrets.COMPOSE_VARIABLES.values()}
    made = {key: secrets.fresh(key) for key in keys}
    assert len(set(made.values())) == len(keys)
    assert len(base64.urlsafe_b64decode(made.pop("secrets.airflow_fernet_key"))) == 32
    for value in made.values():
        assert re.fullmatch(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{32}", value)


# --- the commands ---


@pytest.mark.parametrize(
    ("stdin", "value"),
    [
        (b'it\'s \\ "it" # $x\n', 'it\'s \\ "it" # $x'),
        (b" spaces ", " spaces "),
        (b"\xe2\x82\xac", "€"),
    ],
)
def test_set_takes_stdin_without_its_last_newline(platform: Path, stdin: bytes, value: str) -> None:
    key = "secrets.airflow_jwt_secret"
    code, out, err = run(platform, "set", key, stdin=stdin)
    assert (code, out, err) == (0, f"set {key}: in environments/local.secrets.env\n", "")
    assert secrets_layer(file_of(platform), "x")[key].raw == value
    assert file_of(platform).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("stdin", [b"", b"\n", b"two\n\n", b"a\r\n", b"\xff\n"])
def test_set_refuses_what_is_no_line_of_text(platform: Path, stdin: bytes) -> None:
    code, out, _ = run(platform, "set", "warehouse.password", stdin=stdin)
    assert (code, out) == (2, "")
    assert not file_of(platform).exists()


def test_set_asks_on_a_terminal_and_does_not_show_what_is_typed(platform: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "secrets", "set", "warehouse.password"],
        cwd=platform,
        env=clean_environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"warehouse.password: " not in shown:
        shown += os.read(ours, 1000)
    os.write(ours, f"{TYPED}\n".encode())
    out, _ = process.communicate(timeout=60)
    try:
        while more := os.read(ours, 1000):
            shown += more
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.returncode == 0
    assert out == b"set warehouse.password: in environments/local.secrets.env\n"
    assert TYPED.encode() not in shown
    assert secrets_layer(file_of(platform), "x")["warehouse.password"].raw == TYPED


@pytest.mark.parametrize(
    "given",
    [
        ["x", TYPED],
        [f"warehouse.password={TYPED}"],
        ["x", f"--value={TYPED}"],
        ["x", f"--{TYPED}"],
        ["x", TYPED, "--json", "--debug"],
    ],
)
def test_set_takes_no_value_from_the_command_line(platform: Path, given: list[str]) -> None:
    code, out, err = run(platform, "set", *given, stdin=b"other")
    assert code == 2
    assert "not taken from the command line" in out + err
    assert TYPED not in out + err
    assert not file_of(platform).exists()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("postgres_password", "Did you mean secrets.postgres_password?"),
        ("zzz", "Every secret: dataops secrets list"),
        ("dbt.threads", "Set it in environments/base.toml or environments/<env>.toml."),
    ],
)
def test_only_secrets(key: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        secrets.require_secret(key)
    assert caught.value.hint == hint


@pytest.mark.parametrize("command", ["set", "generate", "rotate"])
def test_every_command_refuses_what_is_no_secret(platform: Path, command: str) -> None:
    code, _, err = run(platform, command, "postgres_password", stdin=b"x")
    assert (code, err) == (
        2,
        "error: There is no secret setting postgres_password\n  → Did you mean secrets.postgres_password?\n",
    )


def test_set_says_that_a_variable_beats_the_file(platform: Path) -> None:
    code, _, err = run(platform, "set", "secrets.airflow_jwt_secret", stdin=b"x", **{JWT: TYPED})
    assert (code, err) == (0, f"warning: The variable {JWT} is set, and beats the file\n")


def test_list_shows_what_is_set_and_where(platform: Path) -> None:
    file_of(platform).write_text(f"{WAREHOUSE}='{TYPED}'\n")
    file_of(platform).chmod(0o640)
    code, out, err = run(platform, "list", "--json", **{POSTGRES: TYPED})
    assert code == 0
    rows = {row["key"]: (row["set"], row["origin"]) for row in json.loads(out)}
    assert list(rows) == secrets.secret_keys()
    assert rows["warehouse.password"] == (True, f"environments/local.secrets.env ({WAREHOUSE})")
    assert rows["secrets.postgres_password"] == (True, f"variable {POSTGRES}")
    assert rows["secrets.sqlserver_sa_password"] == (False, None)
    assert err.endswith("chmod 600 environments/local.secrets.env\n")
    file_of(platform).chmod(0o600)
    code, table, err = run(platform, "list", **{POSTGRES: TYPED})
    assert err == ""
    assert re.search(rf"secrets\.postgres_password +yes +variable {POSTGRES}", table)
    assert TYPED not in out + table


def test_generate_makes_what_is_not_set(platform: Path) -> None:
    key = "secrets.airflow_fernet_key"
    planned = run(platform, "generate", key, "--plan")
    assert planned == (0, f"generate {key}: in environments/local.secrets.env\n", "")
    assert not file_of(platform).exists()
    code, out, err = run(platform, "generate", key, key)
    value = secrets_layer(file_of(platform), "x")[key].raw
    assert (code, out) == planned[:2]
    assert value not in out + err
    assert run(platform, "generate", key, **{POSTGRES: TYPED})[0] == 5
    code, _, err = run(platform, "generate", "secrets.postgres_password", **{POSTGRES: TYPED})
    assert code == 5
    assert err == (
        f"error: secrets.postgres_password is set already, by variable {POSTGRES}\n"
        "  → Replace it with: dataops --env local secrets rotate secrets.postgres_password\n"
    )
    assert secrets_layer(file_of(platform), "x")[key].raw == value


def test_rotate_replaces_in_the_file(platform: Path) -> None:
    key = "secrets.airflow_jwt_secret"
    file_of(platform).write_text(f"# mine\nDATAOPS_SECRETS__AIRFLOW_JWT_SECRET='{TYPED}' # too\n")
    planned = run(platform, "rotate", key, "--plan")
    assert planned == (0, f"rotate {key}: in the secrets file\n", "")
    assert TYPED in file_of(platform).read_text()
    assert run(platform, "rotate", key) == planned
    text = file_of(platform).read_text()
    assert re.fullmatch(r"# mine\nDATAOPS_SECRETS__AIRFLOW_JWT_SECRET='\w{32}' # too\n", text)
    for path in platform.rglob("*"):
        assert not path.is_file() or TYPED.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("key", "variables", "code", "said"),
    [
        ("secrets.postgres_password", {}, 3, "has no value yet"),
        ("secrets.postgres_password", {POSTGRES: TYPED}, 5, f"comes from variable {POSTGRES}, not from"),
        ("warehouse.password", {}, 5, "dataops --env local source grants"),
    ],
)
def test_rotate_refuses(platform: Path, key: str, variables: dict[str, str], code: int, said: str) -> None:
    file_of(platform).write_text(f"{WAREHOUSE}='{TYPED}'\n")
    got, out, err = run(platform, "rotate", key, **variables)
    assert (got, out) == (code, "")
    assert said in err
    assert TYPED not in err
    assert file_of(platform).read_text() == f"{WAREHOUSE}='{TYPED}'\n"


def test_a_secret_in_a_settings_file_is_refused(platform: Path) -> None:
    settings = platform / "environments" / "local.toml"
    text = settings.read_text()
    settings.write_text(f'{text}\n[secrets]\nairflow_jwt_secret = "{TYPED}"\n')
    line = len(settings.read_text().splitlines())
    code, out, err = run(platform, "rotate", "secrets.airflow_jwt_secret")
    assert code == 2
    assert f"environments/local.toml:{line}: secrets.airflow_jwt_secret is a secret" in err
    assert TYPED not in out + err


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        ("secrets.sqlserver_sa_password", "short1A", "eight characters or more"),
        ("secrets.sqlserver_sa_password", "onlyletters", "three of the four"),
        ("warehouse.password", "onlyletters", "three of the four"),
        ("warehouse.reader_password", "short1A", "eight characters or more"),
    ],
)
def test_a_password_that_sql_server_would_refuse(platform: Path, key: str, typed: str, words: str) -> None:
    code, out, err = run(platform, "set", key, stdin=typed.encode())
    assert (code, words in err, typed in out + err) == (2, True, False)


def test_who_keeps_a_copy_of_what_is_set_is_named(platform: Path) -> None:
    for key, holder in (("postgres", "The metadata database"), ("sqlserver_sa", "SQL Server")):
        key = f"secrets.{key}_password"
        code, _, err = run(platform, "set", key, "--env", "dev", stdin=STRONG)
        assert code == 0
        assert f"{holder} keeps the password of its first start" in err
        assert f"secrets rotate --env dev {key}" in err
    code, _, err = run(platform, "set", "warehouse.reader_password", "--env", "dev", stdin=STRONG)
    assert (code, "SQL Server keeps the login's password" in err) == (0, True)
    assert "dataops source grants --env dev, then dataops up --env dev\n" in err


@pytest.fixture
def elsewhere(platform: Path) -> Path:
    """The environment `there` has a SQL Server and no stack."""
    (platform / "environments" / "there.toml").write_text(
        '[warehouse]\nengine = "sqlserver"\nserver = "sql.example.com"\n'
    )
    return platform


ADMINISTRATOR = "secrets.sqlserver_sa_password"


def test_a_server_elsewhere_has_its_administrators_password_already(elsewhere: Path) -> None:
    assert run(elsewhere, "set", ADMINISTRATOR, "--env", "there", stdin=STRONG)[::2] == (0, "")
    before = (elsewhere / "environments" / "there.secrets.env").read_text()
    for command, said in (("rotate", "Change the password of sa on the server"), ("generate", "Set it")):
        code, _, err = run(elsewhere, command, ADMINISTRATOR, "--env", "there")
        assert code == 5
        assert "the SQL Server at sql.example.com" in err
        assert f"{said}" in err
        assert f"dataops secrets set --env there {ADMINISTRATOR}" in err
    assert (elsewhere / "environments" / "there.secrets.env").read_text() == before


def test_where_there_is_no_stack_no_hint_names_one(elsewhere: Path) -> None:
    code, _, err = run(elsewhere, "set", "warehouse.password", "--env", "there", stdin=STRONG)
    assert (code, err.splitlines()[-1]) == (
        0,
        "  → Where the login is there already: dataops source grants --env there",
    )
    assert run(elsewhere, "set", "secrets.postgres_password", "--env", "there", stdin=STRONG)[::2] == (0, "")
    code, _, err = run(elsewhere, "generate", "--env", "there")
    assert code == 2
    assert "secrets generate --env there warehouse.password warehouse.reader_password" in err
