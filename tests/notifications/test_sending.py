"""Real notifications to a local server: one that takes them, one that refuses, one that hangs, one that is not there."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from dataops_cli.console import Console
from dataops_cli.notifications import telling
from dataops_cli.notifications.addresses import parsed
from dataops_cli.notifications.events import Event, Facts, Kind, Message, message
from dataops_cli.notifications.sending import send
from dataops_cli.notifications.telling import tell
from dataops_cli.settings.layers import Value
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Settings
from dataops_cli.settings.services import Notifications, Secrets
from notifications.receiver import HUSH, Receiver, receiving
from support import clean_environment

SAID = Message("A title", "A first line\nA second line: <b> & *stars*", Kind.FAILURE)
# Nothing listens there.
GONE = f"json://user:{HUSH}@127.0.0.1:9/{HUSH}"


def environment(urls: str, **settings: list[str]) -> Environment:
    secrets = Secrets(notification_urls=SecretStr(urls))
    return Environment("dev", Settings(secrets=secrets, notifications=Notifications(**settings)), {})


class Output:
    def __init__(self) -> None:
        self.stderr = io.StringIO()
        self.console = Console(
            stdout=io.StringIO(), stderr=self.stderr, color=False, advise=lambda text: f"{text} --env dev"
        )

    @property
    def text(self) -> str:
        return " ".join(self.stderr.getvalue().split())


def test_what_arrives_is_what_was_said(receiver: Receiver) -> None:
    [delivery] = send(parsed(receiver.url()), SAID)
    assert delivery.fault == ""
    [arrived] = receiver.received
    assert (arrived["title"], arrived["message"], arrived["type"]) == (SAID.title, SAID.body, "failure")


def test_teams_gets_a_card_and_mattermost_a_text(
    receiver: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two services whose hosts are in their URLs: a workflow of Teams is called over TLS only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with receiving(certificate=certificate) as teams:
        urls = f"workflows://127.0.0.1:{teams.port}/{HUSH}/{HUSH} mmost://127.0.0.1:{receiver.port}/{HUSH}"
        assert [delivery.fault for delivery in send(parsed(urls), SAID)] == ["", ""]
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")  # now nobody vouches for the server
        refused = send(parsed(urls.split()[0]), SAID)
    assert [delivery.fault for delivery in refused] == ["it cannot be reached, or did not answer"]
    [called], [posted] = teams.received, receiver.received
    [card] = [item["content"] for item in called["attachments"]]
    assert (called["type"], card["type"]) == ("message", "AdaptiveCard")
    texts = [item["text"] for item in card["body"] if item["type"] == "TextBlock"]
    # A card is Markdown: what means something there is escaped.
    assert texts == [SAID.title, "A first line\nA second line: <b\\> & \\*stars\\*"]
    assert posted["text"].splitlines() == [SAID.title, *SAID.body.splitlines()]


def test_no_warning_names_a_host_whose_certificate_is_not_to_be_checked(certificate: Path) -> None:
    with receiving(certificate=certificate) as there, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        url = f"jsons://127.0.0.1:{there.port}/{HUSH}?verify=no"
        assert [delivery.fault for delivery in send(parsed(url), SAID)] == [""]
    assert [str(warning.message) for warning in warned] == []


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that gets to a program's log, of whatever level. (pytest's own would look into loggers that hand nothing
    on.)"""
    root, text = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


def test_each_has_its_own_fault_and_no_secret_is_in_it(
    receiver: Receiver, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    urls = f"{receiver.url()} {receiver.url('refused')} {GONE} json://{HUSH}:x/ nonsense://{HUSH}"
    faults = [delivery.fault for delivery in send(parsed(urls), SAID)]
    assert faults == [
        "",
        "it answered with error 500",
        "it cannot be reached, or did not answer",
        faults[3],
        "Apprise knows no such service, or its URL lacks something: nonsense",
    ]
    assert faults[3]
    out, err = capfd.readouterr()
    assert HUSH not in "".join(faults) + log.getvalue() + out + err


def test_who_hangs_costs_the_deadline_and_no_other_one_anything(receiver: Receiver) -> None:
    urls = f"{receiver.url('hangs')}?rto=60 {receiver.url()} {receiver.url('hangs')}?rto=60"
    began = time.monotonic()
    faults = [delivery.fault for delivery in send(parsed(urls), SAID, deadline=5.0)]
    assert 5.0 <= time.monotonic() - began < 40.0
    assert faults == ["no answer within 5 s", "", "no answer within 5 s"]


def test_the_program_s_end_waits_for_nobody_who_hangs(receiver: Receiver) -> None:
    program = (
        "from dataops_cli.notifications.addresses import parsed\n"
        "from dataops_cli.notifications.events import trial\n"
        "from dataops_cli.notifications.sending import send\n"
        f"print(send(parsed({receiver.url('hangs') + '?rto=60'!r}), trial('dev'), 0.5)[0].fault)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "no answer within 0.5 s\n", done.stderr
    assert done.stderr == ""
    assert time.monotonic() - began < 50


@pytest.mark.parametrize("event", Event)
def test_every_event_arrives_where_the_settings_send_it(receiver: Receiver, event: Event) -> None:
    here = environment(f"ops={receiver.url('ops')} team={receiver.url('team')}", **{event.value: ["team"]})
    output = Output()
    facts = Facts("dev", subject="deploy of 3f2a", release="3f2a", next_step="dataops health")
    assert tell(here, output.console, event, facts)
    [arrived] = receiver.received
    expected = message(event, Facts("dev", "deploy of 3f2a", "3f2a", next_step="dataops health --env dev"))
    assert (arrived["path"], arrived["title"]) == ("team", expected.title)
    assert arrived["message"] == expected.body
    assert output.text == ""


def test_nobody_is_told_what_goes_nowhere(receiver: Receiver) -> None:
    output = Output()
    assert tell(environment(receiver.url()), output.console, Event.DEPLOY_STARTED, Facts("dev"))
    assert receiver.received == []
    assert output.text == ""


def test_what_does_not_arrive_is_a_warning(receiver: Receiver) -> None:
    output = Output()
    here = environment(f"a={receiver.url('refused')} b={receiver.url()}")
    assert tell(here, output.console, Event.HEALTH_BAD, Facts("dev"))
    assert output.text == (
        "warning: The notification health_bad did not arrive at json (a): it answered with error 500 "
        "→ See which arrive: dataops notify test --env dev"
    )
    output = Output()
    assert not tell(environment(f"a={GONE}"), output.console, Event.HEALTH_BAD, Facts("dev"))
    assert "cannot be reached" in output.text
    assert HUSH not in output.text


def test_a_machine_without_the_urls_says_so_where_the_settings_name_tags() -> None:
    tags = Notifications(health_bad=["ops"], health_good=[])
    origin = [Value(["ops"], "environments/dev.toml:2")]
    here = Environment("dev", Settings(notifications=tags), {"notifications.health_bad": origin})
    output = Output()
    assert tell(here, output.console, Event.HEALTH_BAD, Facts("dev"))
    assert "health_bad was not sent: secrets.notification_urls is not set here" in output.text
    output = Output()
    assert tell(here, output.console, Event.DEPLOY_FAILED, Facts("dev"))
    assert output.text == ""


def test_a_wrong_tag_and_a_wrong_secret_are_warnings(receiver: Receiver) -> None:
    output = Output()
    here = environment(f"ops={receiver.url()}", health_bad=["opps"])
    assert not tell(here, output.console, Event.HEALTH_BAD, Facts("dev"))
    assert "no URL has the tag opps (did you mean ops?) → Mend it there" in output.text
    output = Output()
    assert not tell(environment(HUSH), output.console, Event.HEALTH_BAD, Facts("dev"))
    assert "Part 1 of secrets.notification_urls is no TAG=URL" in output.text
    assert HUSH not in output.text


def test_a_fault_of_ours_is_a_warning(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(HUSH)

    monkeypatch.setattr(telling, "message", broken)
    output = Output()
    assert not tell(environment(receiver.url()), output.console, Event.HEALTH_BAD, Facts("dev"))
    assert "was not sent: unexpected RuntimeError" in output.text
    assert HUSH not in output.text


def test_ctrl_c_ends_the_waiting(receiver: Receiver) -> None:
    program = (
        "import os, signal, threading\n"
        "from dataops_cli.notifications.addresses import parsed\n"
        "from dataops_cli.notifications.events import trial\n"
        "from dataops_cli.notifications.sending import send\n"
        "threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT]).start()\n"
        "try:\n"
        f"    send(parsed({receiver.url('hangs') + '?rto=60'!r}), trial('dev'), 55)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
    assert time.monotonic() - began < 50


def test_without_urls_nothing_is_imported() -> None:
    program = (
        "import sys\n"
        "from dataops_cli.console import Console\n"
        "from dataops_cli.notifications.events import Event, Facts\n"
        "from dataops_cli.notifications.telling import tell\n"
        "from dataops_cli.settings.load import Environment\n"
        "from dataops_cli.settings.model import Settings\n"
        "assert tell(Environment('dev', Settings(), {}), Console(), Event.HEALTH_BAD, Facts('dev'))\n"
        "print([name for name in ('apprise', 'requests', 'docker') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "[]\n", done.stderr
