"""The workflows as files: what linters find in them, what they may do, and that every command in them exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci.command_lines import fault, in_document, in_shell
from dataops_cli.settings.secrets_file import edited
from support import ROOT

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
ACTIONS = sorted((FOLDER / "actions").glob("*/action.yml"))
DOCUMENTS = [
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("*.md")),
    *sorted(FOLDER.rglob("*.md")),
]
# As a runner starts `shell: bash`.
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
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


@pytest.mark.parametrize("new", [False, True], ids=["this repository", "a new platform"])
def test_dependabot_looks_where_something_is(
    new: bool, new_platform: Callable[[Path], Path], tmp_path: Path
) -> None:
    root = new_platform(tmp_path / "platform") if new else ROOT
    # In which files, and what it can update there: of an image no variable, but in a Compose file the default of one.
    versions = {
        "pip": (("*.txt", "pyproject.toml"), r'^[ "]*[\w.-]+(\[[\w,]+\])?[=>]=\d'),
        "docker": (("*Dockerfile*",), r"^FROM [a-z0-9./-]+:\w"),
        "docker-compose": (("*compose*.yml",), r"^ +image: (\$\{\w+:-)?[a-z0-9./-]+:\w[\w.-]+\}?$"),
        "github-actions": ((".github/workflows/*.yml", "action.yml"), r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} "),
    }
    for update in _read(root / ".github" / "dependabot.yml")["updates"]:
        assert update.get("target-branch") == (
            "develop" if new else None
        )  # `main` of a platform goes to prod
        for folder in update.get("directories") or [update["directory"]]:
            files, version = versions[update["package-ecosystem"]]
            inside = root / folder.strip("/")
            texts = [path.read_text() for pattern in files for path in inside.glob(pattern)]
            assert any(re.search(version, text, re.MULTILINE) for text in texts), update


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
    assert document["defaults"] == {"run": {"shell": "bash"}}  # with pipefail
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
    """A step that is not setting up has the workflow's minutes or fewer; the job, a few more for setting up."""
    jobs = _read(FOLDER / "workflows" / f"{workflow}.yml")["jobs"].values()
    limits = {
        step["name"]: step.get("timeout-minutes", float("inf"))
        for job in jobs
        for step in job["steps"]
        if [*in_shell(step.get("run", ""))] or "pytest" in step.get("run", "")
    }
    assert max(limits.values()) == BUDGETS[workflow], limits
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


@pytest.mark.parametrize("dataops", ["exit 3", "echo '[]'"], ids=["fails", "tells of no container"])
def test_without_images_the_nightly_run_has_failed(dataops: str, tmp_path: Path) -> None:
    """What comes after them would look at nothing, and be content."""
    steps = _read(FOLDER / "workflows" / "nightly.yml")["jobs"]["platform"]["steps"]
    (script,) = [step["run"] for step in steps if step["name"] == "Resolve the image digests"]
    for name, text in (("dataops", dataops), ("jq", "cat > /dev/null")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [*BASH, script],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "IMAGES": str(tmp_path / "images"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        },
        check=False,
    )
    assert done.returncode
    assert not (tmp_path / "summary").exists()


def test_every_command_of_the_workflows_exists() -> None:
    lines = [line for _where, step in _steps() for line in in_shell(step.get("run", ""))]
    assert len(lines) > 20
    assert [found for line in lines if (found := fault(line))] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_command_of_the_documents_exists(path: Path) -> None:
    assert [f"{line}: {found}" for line in in_document(path.read_text()) if (found := fault(line))] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_file_of_the_tests_that_the_documents_name_is_there(path: Path) -> None:
    named = re.findall(r"\btests/[\w/.-]+\.py\b", path.read_text())
    assert [name for name in named if not (ROOT / name).is_file()] == []


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
    for folder in (made, FOLDER):  # GitHub would show it in place of the repository's own
        assert not (folder / "README.md").exists()


def take_secrets(folder: Path, content: str, **runner: str) -> subprocess.CompletedProcess[str]:
    """The script of the action, as a runner runs it."""
    (folder / "environments").mkdir()
    (step,) = _read(FOLDER / "actions" / "environment-secrets" / "action.yml")["runs"]["steps"]
    return subprocess.run(
        [*BASH, step["run"]],
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


def test_a_value_is_hidden_without_its_quotes(tmp_path: Path) -> None:
    values = {"A": "it's \\ a % value", "B": "a-plain-value"}
    content = edited("", values) + 'C="double-quoted"\r\nD=with-carriage-return\r\n'
    done = take_secrets(tmp_path, content)
    hidden = [line.removeprefix("::add-mask::").replace("%25", "%") for line in done.stdout.splitlines()]
    assert hidden == [*values.values(), "double-quoted", "with-carriage-return"]


def test_a_value_is_hidden_without_what_stands_around_it(tmp_path: Path) -> None:
    done = take_secrets(tmp_path, "A = spaced-out-value\nB=remarked-value   # of the mail server")
    assert done.stdout == "::add-mask::spaced-out-value\n::add-mask::remarked-value\n"


@pytest.mark.parametrize("runner", [{}, {"DATAOPS_SECRETS_DIR": "nowhere"}, {"DATAOPS_SECRETS__X": ""}])
def test_without_any_secrets_nothing_is_deployed(tmp_path: Path, runner: dict[str, str]) -> None:
    done = take_secrets(tmp_path, "", **runner)
    assert done.returncode == 1
    assert "::error::There are no secrets of prod." in done.stdout


def test_a_runner_may_have_the_secrets(tmp_path: Path) -> None:
    assert take_secrets(tmp_path, "", DATAOPS_SECRETS_DIR=str(tmp_path)).returncode == 0
    assert not list((tmp_path / "environments").iterdir())


def test_a_runner_may_have_the_secrets_as_variables(tmp_path: Path) -> None:
    # Among many others, behind it: who reads them must not stop at it.
    others = {f"VARIABLE_{number}": "x" * 100_000 for number in range(4)}
    runner = {"DATAOPS_SECRETS__POSTGRES_PASSWORD": "x", **others}
    assert take_secrets(tmp_path, "", **runner).returncode == 0
