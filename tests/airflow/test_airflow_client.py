"""A call meets what networks, proxies and servers do, and says what to do about it."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow_client import client as generated
from fake_airflow import FakeAirflow, Handler, answer, hang_up, slow, trickle

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.client import OPERATIONS, REPEATABLE
from dataops_cli.airflow.client import pauses as pauses_of
from dataops_cli.airflow.faults import Away, Fault

HTML = answer(200, "<html>Welcome</html>", "text/html")


def test_the_generated_client_has_every_operation() -> None:
    for operation, group in OPERATIONS.items():
        assert hasattr(getattr(generated, group), f"{operation}_without_preload_content")
    assert OPERATIONS.keys() >= REPEATABLE


def test_pauses_double_and_end() -> None:
    seconds = [pause for pause in pauses_of(5) if pause is not None]
    assert len(seconds) == 4
    for number, pause in enumerate(seconds):
        assert 0.75 <= pause / (0.25 * 2**number) <= 1.25


def test_one_sign_in_serves_many_calls(api: Airflow, fake: FakeAirflow) -> None:
    for _ in range(3):
        api.dags()
    assert fake.sign_ins == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_no_good_any_more_is_renewed(api: Airflow, fake: FakeAirflow, status: int) -> None:
    api.dags()
    fake.faults.append(answer(status, '{"detail": "Invalid JWT token"}'))
    assert [dag.dag_id for dag in api.dags()] == ["dataops_pipeline"]
    assert fake.sign_ins == 2


def test_an_expired_token(api: Airflow, fake: FakeAirflow) -> None:
    api.dags()
    fake.tokens.clear()
    assert [dag.dag_id for dag in api.dags()] == ["dataops_pipeline"]


@pytest.mark.parametrize(
    "fault",
    [answer(429, Retry_After="3"), answer(503, "<html>", "text/html"), answer(500, "{}"), hang_up],
    ids=["429", "503", "500", "hang up"],
)
def test_what_may_pass_is_tried_again(
    api: Airflow, fake: FakeAirflow, pauses: list[float], fault: Any
) -> None:
    fake.faults += [fault] * 2
    assert [dag.dag_id for dag in api.dags()] == ["dataops_pipeline"]
    assert len(pauses) == 2


def test_it_waits_as_long_as_it_is_asked_to(api: Airflow, fake: FakeAirflow, pauses: list[float]) -> None:
    fake.faults.append(answer(429, Retry_After="3"))
    api.dags()
    assert pauses == [3.0]


def test_it_does_not_wait_past_its_deadline(api: Airflow, fake: FakeAirflow, pauses: list[float]) -> None:
    fake.faults.append(answer(429, '{"detail": "too many"}', Retry_After="300"))
    with pytest.raises(Away) as error:
        api.dags()
    assert (pauses, error.value.exit_code) == ([], 3)
    assert error.value.reason == f"Airflow at {fake.url} answers 429: too many"


def test_five_attempts_are_made(api: Airflow, fake: FakeAirflow, pauses: list[float]) -> None:
    fake.faults += [answer(503)] * 9
    with pytest.raises(Away):
        api.dags()
    assert (len(pauses), len(fake.faults)) == (4, 4)


def test_what_is_not_safe_to_do_twice_is_done_once(
    api: Airflow, fake: FakeAirflow, pauses: list[float]
) -> None:
    fake.faults += [hang_up]
    with pytest.raises(Away, match="the connection broke off"):
        api.backfill(
            {"dag_id": "daily", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z"}
        )
    assert (pauses, len(fake.asked("POST", "/backfills"))) == ([], 1)


def test_what_was_surely_not_done_may_be_done_again(
    api: Airflow, fake: FakeAirflow, pauses: list[float]
) -> None:
    fake.faults += [answer(429)]
    body = {"dag_id": "daily", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z"}
    assert api.backfill(body) == 7


def test_one_who_asks_again_anyway_makes_one_attempt(
    api: Airflow, fake: FakeAirflow, pauses: list[float]
) -> None:
    fake.faults += [answer(503)]
    with pytest.raises(Away):
        api.impatient().dags()
    assert pauses == []


@pytest.mark.parametrize("fault", [slow(60), trickle], ids=["late", "trickling"])
def test_a_slow_answer_is_given_up(fake: FakeAirflow, fault: Any) -> None:
    fake.faults.append(fault)
    began = time.monotonic()
    with pytest.raises(Away, match="no answer within 1 s"):
        Airflow(fake.place(timeout=1.0)).dags()
    assert time.monotonic() - began < 50


def refusal(place: Any) -> Fault:
    with pytest.raises(Fault) as error:
        Airflow(place).dags()
    return error.value


def test_nothing_listens(fake: FakeAirflow, pauses: list[float]) -> None:
    fault = refusal(fake.place(url="http://127.0.0.1:9"))
    assert fault.reason == "No Airflow answers at http://127.0.0.1:9: nothing listens there"
    assert (fault.exit_code, len(pauses)) == (3, 4)
    assert "dataops up" in fault.hint


def test_an_unknown_host(fake: FakeAirflow, pauses: list[float]) -> None:
    fault = refusal(fake.place(url="http://airflow.invalid:8080"))
    assert fault.reason.endswith("the name airflow.invalid is not known")
    assert fault.exit_code == 3


@pytest.mark.parametrize("back", [False, True])
def test_a_sign_in_is_refused_too_where_the_database_is_away(
    api: Airflow, fake: FakeAirflow, *, back: bool
) -> None:
    """`back`: it is there again when Airflow is asked for its health."""
    fake.sign_in_faults.append(answer(401, '{"detail": "Invalid credentials"}'))
    if not back:
        fake.faults.append(answer(200, '{"metadatabase": {"status": "unhealthy"}}'))
    assert [dag.dag_id for dag in api.dags()] == ["dataops_pipeline"]
    assert fake.sign_ins == 1


def test_signing_in_is_within_the_deadline(fake: FakeAirflow) -> None:
    def late(status: int, body: str) -> Callable[[Handler], None]:
        def wait(handler: Handler) -> None:
            time.sleep(0.8)
            answer(status, body)(handler)

        return wait

    fake.sign_in_faults += [late(401, "{}")] * 2
    fake.faults_of["/monitor/health"] = [late(200, "{}")]
    assert isinstance(refusal(fake.place(timeout=1.0)), Away)  # the second sign-in would be a wrong password


def test_a_wrong_password_is_not_tried_for_long(fake: FakeAirflow) -> None:
    fault = refusal(fake.place(password="wrong"))  # noqa: S106
    assert fault.exit_code == 3
    assert "does not accept user admin" in fault.reason
    assert "secrets.airflow_admin_password" in fault.hint
    assert "wrong" not in f"{fault.reason}{fault.hint}{fault.details}"
    assert fake.sign_ins == 2  # for a database that was away for a moment


def test_what_is_forbidden(api: Airflow, fake: FakeAirflow) -> None:
    fake.faults.append(answer(403, '{"detail": "Forbidden"}'))
    with pytest.raises(Fault, match="Airflow does not allow this to user admin: Forbidden") as error:
        api.dags()
    assert error.value.exit_code == 2


def test_an_answer_that_is_a_page(api: Airflow, fake: FakeAirflow) -> None:
    fake.faults.append(HTML)
    with pytest.raises(Fault, match="is not Airflow 3: it answers in text/html, not in JSON") as error:
        api.dags()
    assert error.value.exit_code == 3
    assert "airflow.url" in error.value.hint


def test_json_of_somebody_else(api: Airflow, fake: FakeAirflow) -> None:
    fake.faults.append(answer(200, '{"hello": "world"}'))
    with pytest.raises(Fault, match="its answers have another form"):
        api.dags()


def test_no_api_v2(api: Airflow, fake: FakeAirflow) -> None:
    fake.faults.append(answer(404, "<html>", "text/html"))
    with pytest.raises(Fault, match=r"it has no /api/v2 \(404\)"):
        api.dags()


class Foreign:
    """A server that answers each request with the same, or as its table of paths says."""

    def __init__(self, paths: dict[str, str], other: str, context: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self._paths, self._other, self._context = paths, other, context
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            try:
                if self._context:
                    connection = self._context.wrap_socket(connection, server_side=True)
                path = connection.recv(65536).split(b" ")[1].decode()
                status, _, body = self._paths.get(path, self._other).partition("\n")
                head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
                connection.sendall(f"{head}Location: https://elsewhere/\r\n\r\n{body}".encode())
            except OSError:
                pass
            finally:
                connection.close()


def test_airflow_2(fake: FakeAirflow) -> None:
    old = Foreign(
        {"/api/v1/health": '200 OK\n{"metadatabase": {"status": "healthy"}}'}, "404 NOT FOUND\n<html>"
    )
    fault = refusal(fake.place(url=f"http://127.0.0.1:{old.port}"))
    assert fault.reason == f"The Airflow at http://127.0.0.1:{old.port} is a version 2: it has no /api/v2"
    assert fault.exit_code == 3


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("404 Not Found\n<html>", "it answers 404 to POST /auth/token"),
        ("200 OK\n<html>", "it answers 200 to POST /auth/token"),
        ("302 Found\n", "it sends on to https://elsewhere/"),
    ],
)
def test_some_other_server(fake: FakeAirflow, other: str, told: str) -> None:
    fault = refusal(fake.place(url=f"http://127.0.0.1:{Foreign({}, other).port}"))
    assert fault.reason.endswith(f"is not Airflow 3: {told}")
    assert fault.exit_code == 3


def test_tls_where_none_is_spoken(fake: FakeAirflow) -> None:
    fault = refusal(fake.place(url=fake.url.replace("http", "https")))
    assert fault.reason.endswith("does not speak TLS")
    assert fake.url in fault.hint


def test_a_certificate_that_nobody_vouches_for(fake: FakeAirflow, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    server = Foreign({}, "404 Not Found\n", context)
    fault = refusal(fake.place(url=f"https://127.0.0.1:{server.port}"))
    assert "was not accepted" in fault.reason
    assert "CERTIFICATE_VERIFY_FAILED" in fault.reason
    assert "SSL_CERT_FILE" in fault.hint


def certificate(folder: Path) -> Path:
    """A key and a certificate that it signed itself, in one file."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(pem)
    )
    return path
