"""The report of an environment whose dbt runs in a container, with the warehouse in its volume."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_cli import docker_api
from embedded_stack import IMAGES, environment_file
from support import Dataops
from sweep import sweep

pytestmark = pytest.mark.engine

INSIDE = ("env", "DATAOPS_SETTINGS_FROM=variables", "DATAOPS_ENV=reporting")


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
    new_platform: Callable[[Path], Path],
    dataops: Dataops,
    engine: docker_api.Engine,
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """A command on a platform whose dbt container is up, with a source and nothing published."""
    folder = new_platform(tmp_path_factory.mktemp("reporting") / "platform")
    name = f"dataops-report-test-{os.getpid()}"
    (folder / "environments" / "reporting.toml").write_text(environment_file(name))

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return dataops(
            *arguments,
            cwd=folder,
            DATAOPS_ENV="reporting",
            **IMAGES,
        )

    try:
        up = run("up", "dbt")
        assert up.returncode == 0, up.stderr
        source = run("exec", "dbt", *INSIDE, "dataops", "source", "generate", "--scale", "0.02")
        assert source.returncode == 0, source.stderr
        yield run
    finally:
        sweep(engine, name)
    subprocess.run(["docker", "image", "rm", "dataops-dbt:reporting"], capture_output=True, check=False)


def test_what_is_in_the_container_is_shown_here(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    nothing = run("report", "--out", tmp_path / "report.html")
    assert nothing.returncode == 3
    assert "Nothing has been published yet" in nothing.stderr
    assert "dataops run --env reporting" in nothing.stderr

    published = run("run", "--json")
    assert published.returncode == 0, published.stderr
    made = run("report", "--json", "--out", tmp_path / "report.html")

    assert made.returncode == 0, made.stderr
    figures = json.loads(made.stdout)
    assert figures["run_id"] == json.loads(published.stdout)["run_id"]
    days = run("sql", "--json", "select sum(net_revenue) as all_of_it from gold.gld_sales_summary")
    assert float(figures["revenue_12_months"]) <= float(json.loads(days.stdout)[0]["all_of_it"])
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Sales report · reporting" in html
    assert f"run {figures['run_id']}" in html
    # Looked at from here, where the engine is.
    assert ">containers<" in html.replace("<wbr>", "")
