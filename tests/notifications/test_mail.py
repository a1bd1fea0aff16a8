"""Mail to a real SMTP server, with a password over TLS."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from dataops_cli.notifications.addresses import parsed
from dataops_cli.notifications.events import Event, Facts, message
from dataops_cli.notifications.sending import MAIL, send
from notifications.receiver import HUSH, server_side

HOST = "127.0.0.1"
FAILED = message(
    Event.PIPELINE_FAILED,
    Facts("prod", run="manual__2026", cause="<b>task_failure</b> & naïve", next_step="dataops airflow show"),
)


@dataclass
class Post:
    """A mail server. It takes mail for `team@example.net` only, from who gives its password."""

    port: int = 0
    received: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    def url(self, password: str = HUSH, to: str = "team@example.net") -> str:
        return f"mailtos://ops:{password}@{HOST}:{self.port}?from=data@example.net&to={to}&mode=starttls"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, to: str, _options: Any) -> str:
        if to != "team@example.net":
            return "550 nobody of this name"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        assert session.ssl
        assert session.authenticated
        parsed_mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed_mail, EmailMessage)
        self.received.append((envelope.rcpt_tos, parsed_mail))
        return "250 taken"

    def allow(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=given.password == HUSH.encode(), handled=False)


@pytest.fixture
def post(certificate: Path) -> Iterator[Post]:
    found, loop = Post(), asyncio.new_event_loop()
    context = server_side(certificate)

    def protocol() -> SMTP:
        return SMTP(
            found,
            loop=loop,
            hostname="mail.example.net",
            tls_context=context,
            require_starttls=True,
            authenticator=found.allow,
            auth_required=True,
        )

    server = loop.run_until_complete(loop.create_server(protocol, HOST, 0))
    found.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield found
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


def faults(url: str) -> list[str]:
    return [delivery.fault for delivery in send(parsed(url), FAILED)]


def test_a_mail_arrives_as_it_was_said(
    post: Post, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert faults(post.url()) == [""]
    [(recipients, mail)] = post.received
    assert (recipients, mail["From"], mail["Subject"]) == (
        ["team@example.net"],
        "data@example.net",
        FAILED.title,
    )
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == FAILED.body.splitlines()


def test_each_fault_is_told_and_no_secret(
    post: Post, certificate: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    found = faults(f"{post.url(password=HUSH + 'x')} {post.url(to='gone@example.net')}")
    assert found == [MAIL, "it was not accepted"]
    monkeypatch.delenv("SSL_CERT_FILE")  # now nobody vouches for the server
    assert faults(post.url()) == [MAIL]
    assert post.received == []
    assert HUSH not in "".join(capfd.readouterr())
