"""Where notifications go, as the secret and the settings say it."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.notifications.addresses import Address, addresses, chosen, faults, parsed
from dataops_cli.notifications.events import Event
from dataops_cli.notifications.trying import known_event, recipients
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment, load_environment
from dataops_cli.settings.model import Settings
from dataops_cli.settings.services import Notifications, Secrets
from dataops_cli.settings.variables import as_variables

WORDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
URL_CHARACTERS = string.ascii_letters + string.digits + "/.:@?&=#%+,~_-"


def environment(urls: str | None, **settings: Any) -> Environment:
    secrets = Secrets(notification_urls=None if urls is None else SecretStr(urls))
    return Environment("dev", Settings(secrets=secrets, notifications=Notifications(**settings)), {})


@given(
    st.lists(
        st.tuples(
            st.lists(WORDS, max_size=3),
            st.sampled_from(["slack", "JSONS", "mailto"]),
            st.text(URL_CHARACTERS, min_size=1, max_size=30),
            st.sampled_from([" ", "\n", " \t\n "]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_is_read(entries: list[tuple[list[str], str, str, str]]) -> None:
    text = ""
    for tags, service, rest, blank in entries:
        text += f"{','.join(tags)}{'=' if tags else ''}{service}://{rest}{blank}"
    expected = [
        Address(number, service.lower(), tuple(tags), f"{service}://{rest}")
        for number, (tags, service, rest, _blank) in enumerate(entries, start=1)
    ]
    assert parsed(text) == expected


@given(st.text(max_size=40).filter(lambda text: "://" not in text and text.split()))
def test_what_is_no_address_is_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(f"hush-{text}")
    assert caught.value.reason == "Part 1 of secrets.notification_urls is no TAG=URL"


def test_an_address_is_never_shown_with_its_url() -> None:
    [address] = parsed("ops,team=slack://T0KEN/hush")
    assert address.shown == "slack (ops, team)"
    assert "hush" not in repr(address) + address.shown
    assert parsed("json://hush")[0].shown == "json (no tag)"


def test_which_tags_choose_which() -> None:
    three = parsed("ops=json://a ops,team=json://b json://c")
    assert [item.number for item in chosen(three, ["ops"])] == [1, 2]
    assert [item.number for item in chosen(three, ["team", "ops"])] == [1, 2]
    assert [item.number for item in chosen(three, ["all"])] == [1, 2, 3]
    assert chosen(three, []) == []


def test_a_tag_that_no_url_has_is_a_fault() -> None:
    assert faults(environment("ops=json://a", deploy_failed=["ops", "all"])) == []
    assert faults(environment("ops=json://a", deploy_failed=["opps"], health_bad=["x"])) == [
        "default: notifications.deploy_failed: no URL has the tag opps (did you mean ops?)",
        "default: notifications.health_bad: no URL has the tag x (there are: ops)",
    ]
    assert faults(environment(None, deploy_failed=["ops"])) == []  # as in a container that has no secret
    assert faults(environment("hush")) == ["default: Part 1 of secrets.notification_urls is no TAG=URL"]


def test_whom_a_test_goes_to() -> None:
    here = environment("ops=json://a team=slack://b", deploy_failed=["team"])
    assert [item.number for item in recipients(here, None, None)] == [1, 2]
    assert [item.number for item in recipients(here, Event.DEPLOY_FAILED, None)] == [2]
    assert [item.number for item in recipients(here, None, "ops")] == [1]
    with pytest.raises(UsageError, match="deploy_failed does not go to ops in dev"):
        recipients(here, Event.DEPLOY_FAILED, "ops")
    with pytest.raises(UsageError, match="deploy_started is empty"):
        recipients(here, Event.DEPLOY_STARTED, None)
    for without in (None, "", " \n"):
        with pytest.raises(UsageError, match="no URL for notifications") as caught:
            recipients(environment(without), None, None)
        assert caught.value.hint.endswith("dataops secrets set secrets.notification_urls")
    with pytest.raises(UsageError) as caught:
        known_event("deploy_faild")
    assert caught.value.hint == "Did you mean deploy_failed?"


# ---- settings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "base.toml").write_text("")
    (folder / "dev.toml").write_text('[notifications]\ndeploy_failed = ["ops", "team"]\nhealth_good = []\n')
    return Project(tmp_path)


def test_a_container_is_told_the_tags_and_not_the_urls(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAOPS_SECRETS__NOTIFICATION_URLS", "ops=json://hush")
    outside = load_environment(project, "dev")
    [address] = addresses(outside)
    assert address.url == "json://hush"
    told = as_variables(outside, {})
    assert not any("hush" in value for value in told.values())
    monkeypatch.delenv("DATAOPS_SECRETS__NOTIFICATION_URLS")
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    (project.environments / "dev.toml").write_text("")
    inside = load_environment(project, "dev")
    assert inside.settings.notifications == outside.settings.notifications
    assert inside.settings.notifications.deploy_failed == ["ops", "team"]
    assert inside.settings.notifications.health_good == []


def test_what_is_no_tag_is_refused_with_its_place(project: Project) -> None:
    (project.environments / "dev.toml").write_text('[notifications]\ndeploy_failed = ["a b"]\n')
    with pytest.raises(DataopsError) as caught:
        load_environment(project, "dev")
    assert caught.value.reason.startswith(
        "environments/dev.toml:2: notifications.deploy_failed: 'a b' is no tag"
    )
