"""What GitHub's summary of a job says of a deploy or rollback."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.ci.deploy_summary import markdown, summarised
from dataops_cli.deploy.journal import Beginning, Deployment, Kind, Outcome, StepRecord
from dataops_cli.errors import DataopsError, ExitCode


def deployment(number: int = 12, outcome: Outcome | None = Outcome.UNDONE, **facts: Any) -> Deployment:
    beginning = Beginning(
        number=number,
        kind=Kind.DEPLOY,
        release="3f9a1c27b0de",
        previous="aa11bb22cc33",
        generation="20261125T171330Z-0001",
        was_paused=False,
        had_containers=True,
        reason="main by ann | run 7 <script>\n===",
        who="runner@ci",
        at="2026-11-25T17:13:30+00:00",
    )
    steps = (
        StepRecord("images", True, 12.34, "dataops-dbt:3f9a1c27b0de"),
        StepRecord("containers", False, 61.0, "dbt is unhealthy"),
        StepRecord("back: containers", True, 4.0),
    )
    return Deployment(beginning, steps, outcome, **facts)


def test_a_failed_deploy_with_its_way_back() -> None:
    assert markdown(deployment(), "prod") == (
        "### ❌ Deploy of 3f9a1c27b0de, prod: failed, and put back\n"
        "\n"
        "- Before: aa11bb22cc33\n"
        "- Published: nothing\n"
        "- By: runner@ci, 2026\\-11\\-25T17:13:30\\+00:00\n"
        "- Why: main by ann \\| run 7 &lt;script&gt;<br>===\n"
        "\n"
        "| Step | Seconds | |\n"
        "| --- | ---: | --- |\n"
        "| ✅ images | 12.3 | dataops\\-dbt:3f9a1c27b0de |\n"
        "| ❌ containers | 61.0 | dbt is unhealthy |\n"
        "| ✅ back: containers | 4.0 |  |\n"
    )


def test_one_that_was_cut_off_says_so() -> None:
    assert markdown(deployment(outcome=None), "prod").startswith(
        "### ❌ Deploy of 3f9a1c27b0de, prod: cut off\n"
    )


class Job:
    """A step under GitHub Actions, and an environment whose journal is `deployments`, the newest first."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.summary, self.output = folder / "summary", folder / "output"
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(self.summary))
        monkeypatch.setenv("GITHUB_OUTPUT", str(self.output))
        self.deployments: list[Deployment] = [deployment(11, Outcome.SUCCEEDED)]
        self.site: Any = SimpleNamespace(
            name="prod", journal=SimpleNamespace(deployments=lambda: list(self.deployments))
        )


def carry_out(job: Job, becomes: list[Deployment], error: DataopsError | None = None) -> None:
    with summarised(job.site):
        job.deployments = list(becomes)
        if error is not None:
            raise error


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(tmp_path, monkeypatch)


def test_a_good_end(job: Job) -> None:
    carry_out(job, [deployment(12, Outcome.SUCCEEDED, generation="g2"), *job.deployments])
    assert job.summary.read_text().count("### ") == 1
    assert job.output.read_text() == "release=3f9a1c27b0de\noutcome=succeeded\n"


def test_a_failure_is_annotated_and_goes_on(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    error = DataopsError("It failed. prod is back on aa11", hint="Mend it", details=("row | 1",))
    with pytest.raises(DataopsError, match="It failed"):
        carry_out(job, [deployment(12), *job.deployments], error)
    assert (
        "::error title=dataops on prod::It failed. prod is back on aa11%0AMend it" in capsys.readouterr().err
    )
    text = job.summary.read_text()
    assert "failed, and put back" in text
    assert "It failed. prod is back on aa11  \nrow \\| 1  \nNext: Mend it" in text
    assert job.output.read_text() == "release=3f9a1c27b0de\noutcome=failed, and put back\n"


def test_what_was_refused_tells_of_no_earlier_deployment(job: Job) -> None:
    error = DataopsError("The stack is being changed by ann", hint="Wait", exit_code=ExitCode.LOCKED)
    with pytest.raises(DataopsError):
        carry_out(job, job.deployments, error)
    text = job.summary.read_text()
    assert "### ❌ Nothing was begun" in text
    assert "3f9a1c27b0de" not in text
    assert not job.output.exists()


def test_one_that_was_left_is_told_with_what_became_of_it(job: Job) -> None:
    job.deployments.insert(0, deployment(12, None))
    carry_out(job, [deployment(13, Outcome.SUCCEEDED), deployment(12, Outcome.UNDONE)])
    text = job.summary.read_text()
    assert text.index("failed, and put back") < text.index("succeeded")


def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    site: Any = SimpleNamespace()
    with summarised(site):
        pass
