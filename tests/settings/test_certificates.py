"""A certificate is trusted blindly in development only."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataops_cli.errors import UsageError
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment

TRUSTING = '[warehouse]\nengine = "sqlserver"\ntrust_server_certificate = true\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    import os

    for name in [name for name in os.environ if name.startswith("DATAOPS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "base.toml").write_text("")
    return Project(tmp_path)


@pytest.mark.parametrize("name", ["local", "ci", "dev", "dev-anna"])
def test_development_may_trust_any_certificate(project: Project, name: str) -> None:
    (project.environments / f"{name}.toml").write_text(TRUSTING)
    assert load_environment(project, name).settings.warehouse.trust_server_certificate


@pytest.mark.parametrize("name", ["staging", "prod", "prod-dev", "developers", "test"])
def test_no_other_environment_may(project: Project, name: str) -> None:
    (project.environments / f"{name}.toml").write_text(TRUSTING)
    with pytest.raises(UsageError) as raised:
        load_environment(project, name)
    assert raised.value.reason.startswith(
        f"environments/{name}.toml:3: warehouse.trust_server_certificate is true"
    )
    assert "give the server a certificate" in raised.value.hint
    assert "local, ci, dev and every name that begins with dev-" in raised.value.hint


def test_nor_by_another_way(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.environments / "prod.toml").write_text(TRUSTING.replace("true", "false"))
    assert not load_environment(project, "prod").settings.warehouse.trust_server_certificate
    monkeypatch.setenv("DATAOPS_WAREHOUSE__TRUST_SERVER_CERTIFICATE", "yes")
    with pytest.raises(UsageError, match=r"^variable DATAOPS_WAREHOUSE__TRUST_SERVER_CERTIFICATE: "):
        load_environment(project, "prod")
    # What holds for all environments holds for this one.
    monkeypatch.delenv("DATAOPS_WAREHOUSE__TRUST_SERVER_CERTIFICATE")
    (project.environments / "prod.toml").write_text("")
    (project.environments / "base.toml").write_text("[warehouse]\ntrust_server_certificate = true\n")
    with pytest.raises(UsageError, match=r"^environments/base\.toml:2: "):
        load_environment(project, "prod")
