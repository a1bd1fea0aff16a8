"""`dataops ci run`: which steps of a workflow are run on a laptop, and in what order; `dataops ci detect-env`."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.small_platform_in_git import NOT_UNDER_ACTIONS, commit, git, make_platform, write
from dataops_cli.ci.run.plan import Planned, When, when
from dataops_cli.ci.run.words import NotHereError, commands_of
from support import ROOT, Dataops

WORKFLOW = """\
on: push
env:
  GREETING: hello world
jobs:
  after:
    needs: before
    runs-on: ubuntu-24.04
    steps:
      - run: dataops env list
  other:
    runs-on: ubuntu-24.04
    services:
      db:
        image: example/db:1
    steps:
      - run: dataops env list
  before:
    runs-on: ubuntu-24.04
    env:
      COMMIT: ${{ github.event.after }}
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789
      - name: Two
        run: |
          # each is a command
          dataops env show local
          dataops config explain \\
            warehouse.engine
      - name: Variables
        run: dataops ci lint --check "$GREETING"
      - name: Of GitHub
        run: dataops env show "$COMMIT"
      - name: Not after a failure
        run: dataops env list
      - name: Afterwards
        if: always()
        run: dataops env list >> "$GITHUB_STEP_SUMMARY"
      - name: Where it failed
        if: ${{ failure() }}
        run: dataops env list
      - name: A shell's
        run: echo hello | cat
      - name: Piped
        run: dataops env list | cat
      - name: Conditional
        if: github.ref == 'x'
        run: dataops env list
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_platform(tmp_path_factory.mktemp("run") / "platform")
    deploying = (
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: dataops down --volumes --yes\n"
    )
    matrix = (
        "on: push\njobs:\n  a:\n    strategy: {matrix: {x: [1]}}\n    steps:\n      - run: dataops env list\n"
    )
    commit(
        folder,
        "ci: workflows",
        {
            ".github/workflows/steps.yml": WORKFLOW,
            ".github/workflows/deploying.yml": deploying,
            ".github/workflows/matrix.yaml": matrix,
            ".github/workflows/circle.yml": "jobs:\n  a: {needs: b}\n  b: {needs: a}\n",
            ".github/workflows/broken.yml": "jobs: [\n",
        },
    )
    return folder


PLAN = """\
before / actions/checkout@0123456789012345678901234567890123456789: not run here: it uses the action \
actions/checkout@0123456789012345678901234567890123456789
before / Two: dataops env show local && dataops config explain warehouse.engine
before / Variables: dataops ci lint --check 'hello world'
before / Of GitHub: not run here: the variable COMMIT comes from GitHub; set it to run the step
before / Not after a failure: dataops env list
before / Afterwards: dataops env list
before / Where it failed: dataops env list
before / A shell's: not run here: it does not call dataops
before / Piped: not run here: it needs a shell: it is more than one command
before / Conditional: not run here: its condition needs GitHub: github.ref == 'x'
after / dataops env list: dataops env list
"""


@pytest.mark.parametrize("name", ["steps", "steps.yml"])
def test_the_plan(dataops_here: Dataops, platform: Path, name: str) -> None:
    done = dataops_here("ci", "run", name, "--plan", cwd=platform, **NOT_UNDER_ACTIONS)
    lines = done.stdout.splitlines(keepends=True)
    assert "other / all steps: not run here: GitHub starts containers for it\n" in lines
    assert "".join(line for line in lines if not line.startswith("other")) == PLAN


def test_a_variable_that_is_set_here_stands_for_githubs(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here(
        "ci", "run", "steps", "--plan", cwd=platform, **NOT_UNDER_ACTIONS, COMMIT="local", GREETING="x"
    )
    assert "before / Of GitHub: dataops env show local\n" in done.stdout
    assert "--check 'hello world'" in done.stdout  # what the workflow says itself


def test_a_failure_ends_its_job_and_those_that_need_it(dataops: Dataops, platform: Path) -> None:
    done = dataops("ci", "run", "steps", "--json", cwd=platform, **NOT_UNDER_ACTIONS)
    assert done.returncode == 2  # there is no check "hello world"
    assert "error: There is no check hello world" in done.stderr
    assert "before / Piped: not run here: it needs a shell: it is more than one command" in done.stderr
    outcomes = {item["step"]: item["exit_code"] for item in json.loads(done.stdout)}
    assert outcomes == {
        "Two": 0,
        "Variables": 2,
        "Not after a failure": None,
        "Afterwards": 0,
        "Where it failed": 0,
        "dataops env list": None,
    }


def test_a_job_runs_by_its_condition_and_what_it_needs(dataops: Dataops, platform: Path) -> None:
    """One that does not is told, step by step."""
    jobs = {
        "bad": ("[]", "success()", "ci lint --check nope"),
        "after": ("bad", "success()", "env list"),
        "whatever": ("bad", "always()", "env list"),
        "after-whatever": ("whatever", "success()", "env list"),
        "failed-before": ("after", "${{ failure() }}", "env list"),
        "good": ("[]", "success()", "env list"),
        "failed": ("good", "failure()", "env list"),
        "after-failed": ("failed", "success()", "env list"),
        "failed-after-failed": ("failed", "failure()", "env list"),
    }
    text = "on: push\njobs:\n" + "".join(
        f"  {name}:\n    needs: {needs}\n    if: {condition}\n    steps:\n      - run: dataops {command}\n"
        for name, (needs, condition, command) in jobs.items()
    )
    write(platform, {".github/workflows/jobs.yml": text})
    done = dataops("ci", "run", "jobs", "--json", cwd=platform, **NOT_UNDER_ACTIONS)
    assert done.returncode == 2
    assert {item["job"]: item["exit_code"] for item in json.loads(done.stdout)} == {
        "bad": 2,
        "after": None,
        "whatever": 0,
        "after-whatever": None,
        "failed-before": 0,
        "good": 0,
        "failed": None,
        "after-failed": None,
        "failed-after-failed": None,
    }


@pytest.mark.parametrize(
    ("command", "harmless"),
    [
        ("releases", True),
        ("releases list --json", True),
        ("releases prune", False),
        ("ci detect-env", True),
        ("ci run cd-deploy --yes", False),
        ("ci comment FILE", False),
        ("ci label []", False),
        ("health --wait 5m", True),
        ("health --notify", False),
        ("--env prod releases list", False),  # what is not known to be harmless is asked for
        ("deploy", False),
    ],
)
def test_what_changes_an_environment(command: str, harmless: bool) -> None:
    assert (Planned("job", "step", (tuple(command.split()),)).changes == []) is harmless


def test_what_changes_an_environment_wants_to_be_asked_for(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("ci", "run", "deploying", cwd=platform, **NOT_UNDER_ACTIONS)
    assert (done.returncode, done.stderr) == (
        5,
        "error: Nothing was run: deploying changes an environment\n"
        "  dataops down --volumes --yes\n"
        "  → See all of it: dataops ci run deploying --plan; if that is what you want: --yes\n",
    )


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("step", "There is no workflow step in .github/workflows\n  → Did you mean steps?"),
        (
            "matrix",
            "Nothing of matrix can be run here\n  a / all steps: not run here: it is run for each value",
        ),
        ("circle", "circle.yml is no workflow"),
        ("broken", "broken.yml is no workflow"),
    ],
)
def test_what_cannot_be_run_at_all(dataops_here: Dataops, platform: Path, name: str, fault: str) -> None:
    done = dataops_here("ci", "run", name, cwd=platform, **NOT_UNDER_ACTIONS)
    assert done.returncode == 2
    assert f"error: {fault}" in done.stderr


def test_a_command_in_place_of_the_shell() -> None:
    assert commands_of("exec dataops deploy --now\n", {}) == [["deploy", "--now"]]
    with pytest.raises(NotHereError, match="it goes on after `exec`"):
        commands_of("exec dataops deploy\ndataops health\n", {})


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0$", exclude_categories=["Cs"])), min_size=1))
def test_quoted_words_stay_as_they_are(words: list[str]) -> None:
    assert commands_of(f"dataops {shlex.join(words)}", {}) == [words]


PIECES = [
    "a",
    "b c",
    "$A",
    "${B}",
    '"$A"',
    '"${B}x"',
    "'$A'",
    '" "',
    "--c=$A",
    '"',
    "'",
    "|",
    "*",
    "$(A)",
    "`a`",
    "{a,b}",
    "\\a",
    "~",
    "#",
    "$",
    "$1",
    ";",
    "&&",
    ">x",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.booleans())
def test_words_are_those_that_a_shell_makes(pieces: list[str], apart: bool) -> None:
    """Or it is refused: never are they others."""
    text = (" " if apart else "").join(pieces)
    try:
        (words,) = commands_of(f"dataops {text}", {"A": "one", "B": "two words"})
    except NotHereError:
        return
    shown = subprocess.run(
        ["/bin/bash", "-c", f"dataops() {{ printf '%s\\0' \"$@\"; }}\ndataops {text}"],
        env={"A": "one", "B": "two words"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.split("\0")[:-1] == words


def test_conditions() -> None:
    assert [when(text) for text in ("", "success()", "${{ always() }}", "!cancelled()", "failure()")] == [
        When.GOOD,
        When.GOOD,
        When.ALWAYS,
        When.ALWAYS,
        When.BAD,
    ]
    with pytest.raises(NotHereError, match="hashFiles"):
        when("hashFiles('x') != ''")


def test_the_environment_of_the_branch(dataops_here: Dataops, platform: Path, tmp_path: Path) -> None:
    git(platform, "checkout", "--quiet", "main")
    sha = git(platform, "rev-parse", "HEAD")
    done = dataops_here("ci", "detect-env", "--json", cwd=platform, **NOT_UNDER_ACTIONS)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"environment": "prod", "sha": sha})
    # A runner may have checked out the commit alone.
    git(platform, "checkout", "--quiet", "--detach")
    github = {
        **NOT_UNDER_ACTIONS,
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF": "refs/heads/develop",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    done = dataops_here("ci", "detect-env", cwd=platform, **github)
    assert (done.returncode, done.stdout) == (0, "dev\n")
    assert (tmp_path / "output").read_text() == f"environment=dev\nsha={sha}\n"


def test_a_branch_of_no_environment(dataops_here: Dataops, platform: Path) -> None:
    git(platform, "checkout", "--quiet", "change")
    done = dataops_here("ci", "detect-env", cwd=platform, **NOT_UNDER_ACTIONS)
    assert (done.returncode, done.stderr) == (
        2,
        "error: The branch change is that of no environment (deploy.branch)\n"
        "  → Push to a branch that an environment has, or give one this branch: deploy.branch in "
        "environments/NAME.toml. Branches: develop → dev, main → prod\n",
    )
    done = dataops_here("deploy", "--plan", cwd=platform, **NOT_UNDER_ACTIONS)
    assert "  → Name the environment: --env NAME. Branches: develop → dev, main → prod\n" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "annotation"),
    [
        (("detect-env",), "::error title=dataops ci detect-env::The branch other is that of no environment"),
        (("lint", "--check", "nope"), "::error title=dataops ci lint::There is no check nope"),
        (("lint", "--chekc", "nope"), "::error title=dataops ci lint::No such option: --chekc"),
        (("dbt", "--base", "nope"), "::error title=dataops ci dbt::There is no branch or commit nope here"),
    ],
)
def test_an_error_is_told_to_github(
    dataops_here: Dataops, platform: Path, tmp_path: Path, arguments: tuple[str, ...], annotation: str
) -> None:
    summary = tmp_path / "summary"
    github = {
        **NOT_UNDER_ACTIONS,
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF": "refs/heads/other",
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    done = dataops_here("ci", *arguments, cwd=platform, **github)
    assert done.returncode == 2
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert told.startswith(annotation)
    heading, _, text = summary.read_text().partition("\n\n")
    assert heading == f"### ❌ dataops ci {arguments[0]}".replace("-", r"\-")
    assert "Next: " in text


def test_the_plan_of_a_deploy_from_such_a_branch(dataops_here: Dataops, platform: Path) -> None:
    write(
        platform,
        {".github/workflows/cd.yml": (ROOT / ".github/workflows/cd-deploy.yml").read_text(encoding="utf-8")},
    )
    plan = ("ci", "run", "cd", "--plan")
    for branch, code in (("change", 2), ("main", 0)):
        git(platform, "checkout", "--quiet", branch)
        done = dataops_here(*plan, cwd=platform, **NOT_UNDER_ACTIONS, DATAOPS_ENV="dev")
        assert "Deploy: dataops deploy --sha" in done.stdout
        assert done.returncode == code
        told = "warning: environment / Detect the environment would fail, and what needs it not be run: The branch"
        assert (told in done.stderr) is bool(code)
    (platform / ".github/workflows/cd.yml").unlink()


def test_every_workflow_of_ours_is_read() -> None:
    from dataops_cli.ci.run.workflow import read_workflow

    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        assert read_workflow(path), path


def test_a_step_in_a_folder(dataops_here: Dataops, platform: Path) -> None:
    text = "on: push\njobs:\n  a:\n    steps:\n      - run: dataops env show local --json\n        working-directory: dbt\n"
    write(platform, {".github/workflows/folder.yml": text})
    assert dataops_here("ci", "run", "folder", cwd=platform, **NOT_UNDER_ACTIONS).returncode == 0
    write(platform, {".github/workflows/folder.yml": text.replace("dbt", "nowhere")})
    done = dataops_here("ci", "run", "folder", cwd=platform, **NOT_UNDER_ACTIONS)
    assert done.returncode == 2
    assert done.stdout == "a / dataops env show local --json: exit code 2, there is no folder nowhere\n"
