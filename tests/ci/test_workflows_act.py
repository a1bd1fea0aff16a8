"""The workflows of pull requests, run by act on this repository and on a platform as `dataops init` makes it: each passes
on a good commit, and fails on one with a fault that it is there to catch. What is stood in for: see act.py."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci.act import Ran, commit, git, pin_command, pull_request, run_workflow
from ci.fake_github import TOKEN, FakeGitHub, own_github
from dataops_cli import __version__
from dataops_cli.scaffold import COMMAND
from support import ROOT

pytestmark = pytest.mark.slow

GOLD = Path("dbt") / "models" / "gold"


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]) -> Path:
    """A platform whose branch `main` has one commit."""
    found = new_platform(tmp_path_factory.mktemp("main") / "platform")
    pin_command(found)
    commit(found, "feat: the platform")
    return found


@pytest.fixture
def change(main: Path, tmp_path: Path) -> Path:
    """A clone of it, on the branch `change`."""
    found = tmp_path / "change"
    shutil.copytree(main, found, symlinks=True)
    git(found, "checkout", "--quiet", "-b", "change")
    return found


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with own_github("dev/platform") as found:
        yield found


def to(github: FakeGitHub) -> dict[str, dict[str, str]]:
    """What a job that writes has of GitHub."""
    return {
        "variables": {"GITHUB_API_URL": github.address, "GITHUB_REPOSITORY": github.repository},
        "secrets": {"GITHUB_TOKEN": TOKEN},
    }


def dbt(repository: Path) -> Ran:
    return run_workflow(repository, "ci-dbt-test", pull_request(repository), job="test")


def test_dbt_passes_and_comments(change: Path, github: FakeGitHub) -> None:
    append(change / GOLD / "gld_sales_summary.sql", "-- a remark\n")
    commit(change)
    ran = run_workflow(change, "ci-dbt-test", pull_request(change), job="comment", **to(github))
    assert ran.ok, ran.output
    (comment,) = github.comments
    assert "gld\\_sales\\_summary" in comment["body"]
    assert TOKEN not in ran.output
    assert "✅ dbt" in ran.summary
    assert "gld\\_sales\\_summary" in ran.summary
    kept = change.parent / "change-act" / "artifacts" / "dbt"
    assert "gld" in (kept / "comment.md").read_text()
    assert list(kept.rglob("manifest.json"))


def test_dbt_fails_where_a_model_is_broken(change: Path) -> None:
    append(change / GOLD / "gld_sales_summary.sql", "{{ ref('no_such_model') }}\n")
    commit(change)
    ran = dbt(change)
    assert not ran.ok
    assert "test/Build and test" in ran.failed
    assert "::error" in ran.output
    assert "no_such_model" in ran.output


def test_dbt_fails_where_data_fail_their_test(change: Path) -> None:
    test = change / "dbt" / "tests" / "no_order_is_ours.sql"
    test.write_text("select order_date from {{ ref('gld_sales_summary') }} limit 1\n")
    commit(change)
    ran = dbt(change)
    assert not ran.ok
    assert "test/Build and test" in ran.failed
    assert re.search(r"::error .*file=dbt/tests/no_order_is_ours\.sql", ran.output)


def lint(repository: Path) -> Ran:
    return run_workflow(repository, "ci-lint", pull_request(repository))


def test_lint_fails_by_every_kind_of_fault(change: Path) -> None:
    """One commit with a fault for each check; each is told with its file."""
    (change / "dbt" / "models" / "bronze" / "brnz_customers.sql").write_text("SELECT 1 AS a,2 as B\n")
    (change / "airflow" / "dags" / "unused.py").write_text("import os\n")
    (change / "dbt" / "models" / "twice.yml").write_text("version: 2\nversion: 2\n")
    append(change / "dbt" / "Dockerfile", "RUN cd /tmp && apt-get install curl\n")
    (change / "run.sh").write_text("#!/bin/sh\nrm -rf $1/*\n")
    append(change / "compose" / "dev.yml", "surprise: true\n")
    (change / ".github" / "workflows" / "unsafe.yml").write_text(
        "on: pull_request\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }} ${{ nothing.at_all }}\n        timeout: 3\n"
    )
    key, secret = (hashlib.sha256(name.encode()).digest() for name in ("key", "secret"))  # nobody's
    (change / "notes.txt").write_text(
        f"aws_access_key_id = AKIA{base64.b32encode(key).decode()[:16]}\n"
        f"aws_secret_access_key = {base64.b64encode(secret).decode()[:40]}\n"
    )
    commit(change)
    ran = lint(change)
    assert not ran.ok
    assert ran.failed == ["lint/Lint"]
    told = set(re.findall(r"::error .*?file=([^,:]+)", ran.output))
    assert told >= {
        "dbt/models/bronze/brnz_customers.sql",
        "airflow/dags/unused.py",
        "dbt/models/twice.yml",
        "dbt/Dockerfile",
        "run.sh",
        "compose/dev.yml",
        ".github/workflows/unsafe.yml",
        "notes.txt",
    }, ran.output


def test_lint_and_validation_pass_on_this_repository(tmp_path: Path) -> None:
    """As it is in the working tree; so the command is installed from its source there."""
    found = tmp_path / "repository"
    found.mkdir()
    git(found, "init", "--quiet", "--initial-branch=main")
    commit(found, "chore: nothing yet")
    git(found, "checkout", "--quiet", "-b", "change")
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), listed):
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, found / name)
    commit(found)
    ran = lint(found)
    assert ran.ok, ran.output
    protected = [{"name": "protected-paths"}]  # all of it is new
    ran = validate(found, labels=protected)
    assert ran.ok, ran.output


def validate(repository: Path, variables: dict[str, str] | None = None, **facts: object) -> Ran:
    event = pull_request(repository, **facts)
    return run_workflow(repository, "ci-pr-validation", event, job="validate", variables=variables)


@pytest.mark.parametrize("there", [True, False], ids=["there", "missing"])
def test_python_is_set_up_only_where_the_machine_has_none(change: Path, there: bool) -> None:
    commit(change)
    ran = validate(change, {} if there else {"STAND_IN_NO_PYTHON": "1"})
    assert ran.ok, ran.output
    assert ("Python is set up" in ran.output) is not there


def test_a_pull_request_passes_and_gets_its_labels(change: Path, github: FakeGitHub) -> None:
    append(change / GOLD / "gld_sales_summary.sql", "-- a remark\n")
    commit(change)
    ran = run_workflow(change, "ci-pr-validation", pull_request(change), **to(github))
    assert ran.ok, ran.output
    assert github.labels == ["dbt"]


def test_a_command_without_its_hash_is_not_installed(change: Path) -> None:
    (change / "requirements" / "dataops.txt").write_text(COMMAND.format(version=__version__))
    commit(change)
    ran = validate(change)
    assert "validate/Set up" in ran.failed
    assert "::error file=requirements/dataops.txt,line=1::It has no hash" in ran.output


def test_what_comes_from_a_fork_is_not_written_to(change: Path, github: FakeGitHub) -> None:
    append(change / GOLD / "gld_sales_summary.sql", "-- a remark\n")
    commit(change)
    event = pull_request(change)
    event["pull_request"]["head"]["repo"] = {"full_name": "someone/platform"}
    ran = run_workflow(change, "ci-pr-validation", event, **to(github))
    assert ran.ok, ran.output
    assert (github.labels, github.requests) == ([], [])


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"title": "Some changes"}, "title"),
        ({"title": 'feat: $(touch injected)`touch injected`\n"; touch injected; echo "'}, "title"),
        ({"body": ""}, "description"),
    ],
    ids=["title", "script in the title", "description"],
)
def test_a_pull_request_fails_by_what_its_author_wrote(
    change: Path, facts: dict[str, str], told: str
) -> None:
    commit(change)
    ran = validate(change, **facts)
    assert ran.failed == ["validate/Validate"]
    assert told in ran.output
    assert not list(change.parent.rglob("injected"))


def test_a_pull_request_fails_by_a_huge_file(change: Path) -> None:
    (change / "orders.csv").write_bytes(b"1,2,3\n" * 400_000)
    commit(change)
    ran = validate(change)
    assert ran.failed == ["validate/Validate"]
    assert "file=orders.csv" in ran.output


def test_a_pull_request_fails_by_a_conflict(change: Path) -> None:
    model = change / GOLD / "gld_sales_summary.sql"
    text = model.read_text()
    model.write_text(f"-- ours\n{text}")
    commit(change)
    git(change, "checkout", "--quiet", "main")
    model.write_text(f"-- theirs\n{text}")
    commit(change)
    git(change, "checkout", "--quiet", "change")
    ran = validate(change)
    assert ran.failed == ["validate/Validate"]
    assert "conflicts with" in ran.output


def test_a_pull_request_fails_by_a_protected_path(change: Path) -> None:
    append(change / "environments" / "prod.toml", "# a remark\n")
    commit(change)
    assert validate(change).failed == ["validate/Validate"]
    allowed = validate(change, labels=[{"name": "protected-paths"}])
    assert allowed.ok, allowed.output
