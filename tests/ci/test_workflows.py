"""The workflows as files: what linters find in them, what they may do, and that every command in them exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci.command_lines import fault, in_document, in_shell
from support import ROOT

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
ACTIONS = sorted((FOLDER / "actions").glob("*/action.yml"))
DOCUMENTS = [
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("*.md")),
    *sorted(FOLDER.rglob("*.md")),
]
# Minutes that a workflow's own steps may take.
BUDGETS = {
    "ci-dbt-test": 5,
    "ci-lint": 3,
    "ci-pr-validation": 1,
    "cd-deploy": 20,
    "cd-rollback": 15,
}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def _jobs() -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in _read(path)["jobs"].items():
            yield path, name, job


def _steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, name, job in _jobs():
        yield from ((f"{_name(path)}, {name}", step) for step in job["steps"])
    for path in ACTIONS:
        yield from ((_name(path), step) for step in _read(path)["runs"]["steps"])


def _tool(*command: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(command[0])
    return subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [
        ("actionlint", "-no-color", *map(str, WORKFLOWS)),
        ("zizmor", "--persona=pedantic", "--offline", "--no-progress", ".github"),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)),
        ("check-jsonschema", "--builtin-schema", "vendor.github-actions", *map(str, ACTIONS)),
        ("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml"),
    ],
    ids=["actionlint", "zizmor", "workflows", "actions", "dependabot"],
)
def test_linters_find_nothing(command: tuple[str, ...]) -> None:
    done = _tool(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linters_do_find_something(tmp_path: Path) -> None:
    """What a workflow with the faults that they are for looks like to them."""
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        "on: pull_request\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v6\n"
        "      - run: echo ${{ github.event.pull_request.title }} ${{ nothing.at_all }}\n"
        "        timeout: 3\n"
    )
    found = _tool("zizmor", "--persona=pedantic", "--offline", "--no-progress", str(tmp_path)).stdout
    assert {"template-injection", "unpinned-uses", "artipacked"} <= set(re.findall(r"\[([a-z-]+)\]", found))
    assert "nothing" in _tool("actionlint", "-no-color", str(bad)).stdout
    schema = _tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(bad))
    assert schema.returncode == 1


def test_third_party_actions_are_pinned_by_sha_and_say_their_version() -> None:
    for path in (*WORKFLOWS, *ACTIONS):
        for line in re.findall(r"uses: (.*)", path.read_text()):
            assert re.fullmatch(
                r"\./\.github/actions/[a-z-]+|actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line
            )


def test_one_action_has_one_sha() -> None:
    used = {
        found
        for path in (*WORKFLOWS, *ACTIONS)
        for found in re.findall(r"(\S+)@([0-9a-f]{40})", path.read_text())
    }
    assert len({name for name, _sha in used}) == len(used)


def test_no_expression_is_in_a_script() -> None:
    for where, step in _steps():
        assert "${{" not in step.get("run", ""), where


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_a_workflow_may_do_nothing_that_a_job_does_not_ask_for(path: Path) -> None:
    document = _read(path)
    assert document["permissions"] == {}
    assert "concurrency" in document
    for name, job in document["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        granted = set(job["permissions"].items())
        assert granted <= {("contents", "read"), ("pull-requests", "write")}, name
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


def test_who_may_write_runs_nothing_of_the_pull_request() -> None:
    """A job with a token that writes checks out the base, never what is proposed."""
    for path, name, job in _jobs():
        if ("pull-requests", "write") in job["permissions"].items():
            checkouts = [
                step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")
            ]
            for step in checkouts:
                assert step["with"]["ref"] == "${{ github.event.pull_request.base.sha }}", f"{path}: {name}"


@pytest.mark.parametrize("workflow", BUDGETS)
def test_own_steps_end_within_the_budget(workflow: str) -> None:
    """A step that is not setting up has the workflow's minutes; the job, a few more for setting up."""
    jobs = _read(FOLDER / "workflows" / f"{workflow}.yml")["jobs"].values()
    limits = [step["timeout-minutes"] for job in jobs for step in job["steps"] if "timeout-minutes" in step]
    assert max(limits) == BUDGETS[workflow]
    assert max(job["timeout-minutes"] for job in jobs) <= BUDGETS[workflow] + 10


def test_deploys_and_rollbacks_of_an_environment_wait_for_each_other() -> None:
    deploy = _read(FOLDER / "workflows" / "cd-deploy.yml")["jobs"]["deploy"]["concurrency"]
    rollback = _read(FOLDER / "workflows" / "cd-rollback.yml")["concurrency"]
    assert deploy["cancel-in-progress"] is rollback["cancel-in-progress"] is False
    prefixes = {item["group"].partition("${{")[0] for item in (deploy, rollback)}
    assert prefixes == {"dataops-"}


def test_sql_server_is_the_one_of_the_stack() -> None:
    stack = (ROOT / "compose" / "compose.yml").read_text()
    service = _read(FOLDER / "workflows" / "ci-dbt-test.yml")["jobs"]["sqlserver"]["services"]["sqlserver"]
    assert f"${{SQLSERVER_IMAGE:-{service['image']}}}" in stack


def test_every_command_of_the_workflows_exists() -> None:
    lines = [line for _where, step in _steps() for line in in_shell(step.get("run", ""))]
    assert len(lines) > 20
    assert [found for line in lines if (found := fault(line))] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_command_of_the_documents_exists(path: Path) -> None:
    assert [f"{line}: {found}" for line in in_document(path.read_text()) if (found := fault(line))] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("deploy --env prod --sha abc", None),
        ("deploy --env prod --shaa abc", "`dataops deploy` has no option --shaa"),
        ("--env prod releases show 12", None),
        ("releases tell", "`dataops releases` has no command tell"),
        ("deploi", "`dataops` has no command deploi"),
        ("dbt run --select x+ --full-refresh", None),
        ("rollback --reason --no-such -- --nor-this", None),
        ("exec dbt -- ls --all", None),
    ],
)
def test_the_check_of_command_lines(line: str, found: str | None) -> None:
    assert fault(line) == found


def test_what_is_taken_for_a_command_line() -> None:
    script = "x=$(dataops ps --json | jq .)\ndataops up \\\n  --timeout 9 && dataops down --yes # not dataops foo\n"
    assert list(in_shell(script)) == ["ps --json", "up --timeout 9", "down --yes"]
    assert list(in_document("`dataops` and `dataops up`\n```\ndataops down   # x\n```\n")) == ["down", "up"]


def test_the_platform_that_init_makes_has_the_workflows(new_platform: Any, tmp_path: Path) -> None:
    made = new_platform(tmp_path / "p") / ".github"
    assert {path.name for path in (made / "workflows").iterdir()} == {f"{name}.yml" for name in BUDGETS}
    assert {path.name for path in (made / "actions").iterdir()} == {path.parent.name for path in ACTIONS}
    assert not (made / "ISSUE_TEMPLATE").exists()


def take_secrets(folder: Path, content: str, **runner: str) -> subprocess.CompletedProcess[str]:
    """The script of the action, as a runner runs it."""
    (folder / "environments").mkdir()
    (step,) = _read(FOLDER / "actions" / "environment-secrets" / "action.yml")["runs"]["steps"]
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "ENVIRONMENT": "prod", "CONTENT": content, **runner},
        capture_output=True,
        text=True,
        check=False,
    )


def test_secrets_are_written_for_their_owner_and_each_value_is_hidden(tmp_path: Path) -> None:
    content = "# made by dataops up\nDATAOPS_SECRETS__POSTGRES_PASSWORD=a%b=c-and-more=\nDATAOPS_X=short"
    done = take_secrets(tmp_path, content)
    written = tmp_path / "environments" / "prod.secrets.env"
    assert (done.returncode, done.stdout) == (0, "::add-mask::a%25b=c-and-more=\n")
    assert written.read_text() == f"{content}\n"
    assert written.stat().st_mode & 0o777 == 0o600


def test_without_any_secrets_nothing_is_deployed(tmp_path: Path) -> None:
    done = take_secrets(tmp_path, "")
    assert done.returncode == 1
    assert "::error::There are no secrets of prod." in done.stdout


def test_a_runner_may_have_the_secrets(tmp_path: Path) -> None:
    assert take_secrets(tmp_path, "", DATAOPS_SECRETS_DIR="/run/secrets").returncode == 0
    assert not list((tmp_path / "environments").iterdir())
