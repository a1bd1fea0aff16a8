"""One call to Airflow's REST API: signed in, within its deadline, repeated where that is safe.

This is the only module that imports `airflow_client`, whose calls are taken without its typed answers: those drop
fields (a log's level and traceback) and refuse states that a newer Airflow may have.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dataops_cli.airflow import faults
from dataops_cli.airflow.faults import Away, Fault
from dataops_cli.airflow.names import require_names
from dataops_cli.airflow.place import Place
from dataops_cli.settings.model import is_loopback

T = TypeVar("T")

ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
PIECE = 64 * 1024

# What is called → the class of the generated client that has it.
OPERATIONS = {
    "get_dags": "DAGApi",
    "get_dag": "DAGApi",
    "get_dag_details": "DAGApi",
    "patch_dag": "DAGApi",
    "get_dag_runs": "DagRunApi",
    "get_dag_run": "DagRunApi",
    "trigger_dag_run": "DagRunApi",
    "patch_dag_run": "DagRunApi",
    "get_tasks": "TaskApi",
    "get_task_instances": "TaskInstanceApi",
    "get_task_instance_tries": "TaskInstanceApi",
    "get_mapped_task_instance_tries": "TaskInstanceApi",
    "get_log": "TaskInstanceApi",
    "post_clear_task_instances": "TaskInstanceApi",
    "create_backfill": "BackfillApi",
    "create_backfill_dry_run": "BackfillApi",
    "get_import_errors": "ImportErrorApi",
    "get_health": "MonitorApi",
    "get_version": "VersionApi",
    "get_xcom_entry": "XComApi",
}
# Answered to anyone, so that an Airflow whose database is down can still say so.
PUBLIC = {"get_health", "get_version"}
# Doing these twice is the same as doing them once. A run is triggered under an id of ours.
REPEATABLE = {name for name in OPERATIONS if name.startswith("get_")} | {
    "patch_dag",
    "patch_dag_run",
    "trigger_dag_run",
    "create_backfill_dry_run",
}


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def done(self) -> bool:
        return 200 <= self.status < 300


class Client:
    """Calls one Airflow. `patient`: whether a call is repeated when Airflow is away; `on_retry` hears of it."""

    def __init__(
        self, place: Place, *, patient: bool = True, on_retry: Callable[[str], None] = lambda _why: None
    ) -> None:
        self.place = place
        self._patient = patient
        self._on_retry = on_retry
        self._token: str | None = None

    def call(self, operation: str, **arguments: Any) -> Any:
        """The answer to one of OPERATIONS, as JSON. Raises Fault, and UsageError for names that lead elsewhere."""
        require_names(arguments.get("dag_id"), arguments.get("dag_run_id"))

        def attempt(timeout: float) -> _Answer:
            api = getattr(self._package, OPERATIONS[operation])(self._client)
            send = getattr(api, f"{operation}_without_preload_content")
            return self._send(lambda: send(**arguments, _request_timeout=timeout), timeout)

        if body := arguments.get("clear_task_instances_body"):
            # Names of tasks, unlike all else in a body, are not read from plain JSON by themselves.
            arguments["clear_task_instances_body"] = self._package.ClearTaskInstancesBody.from_dict(body)
        if operation in PUBLIC:
            return self._persist(lambda deadline: self._document(attempt(_left(deadline))), repeatable=True)
        return self._persist(lambda deadline: self._authorised(attempt, deadline), operation in REPEATABLE)

    def get(self, path: str) -> Any:
        """The answer of a path that the generated client does not know, as JSON. Raises Fault."""

        def attempt(timeout: float) -> _Answer:
            headers = {"Accept": "application/json", "Authorization": f"Bearer {self._token}"}
            return self._request("GET", path, timeout, headers)

        return self._persist(lambda deadline: self._authorised(attempt, deadline), repeatable=True)

    def _persist(self, attempt: Callable[[float], T], repeatable: bool) -> T:
        """Make attempts until one succeeds, or another is of no use, or not safe, or too late."""
        deadline = time.monotonic() + self.place.timeout
        uncertain = False
        for pause in pauses(ATTEMPTS if self._patient else 1):
            try:
                return attempt(deadline)
            except Away as fault:
                wait = max(pause or 0.0, fault.retry_after)
                late = time.monotonic() + wait >= deadline
                last = pause is None or late or not (repeatable or fault.untouched)
                uncertain |= not fault.untouched
                if last:
                    fault.untouched = not uncertain
                    raise
                self._on_retry(f"{fault.reason}; trying again in {wait:.1f} s")
                time.sleep(wait)
        raise AssertionError("the last pause is None")

    def _authorised(self, attempt: Callable[[float], _Answer], deadline: float) -> Any:
        """The answer of an attempt, signed in anew where the token has run out."""
        fresh = self._token is None
        if fresh:
            self._sign_in_first(deadline)
        answer = attempt(_left(deadline))
        # 401: expired; 403 may be a token that was signed with a key that has changed since.
        if answer.status in (401, 403) and not fresh:
            self._sign_in_first(deadline)
            answer = attempt(_left(deadline))
        if answer.status == 401:
            raise faults.wrong_password(self.place)
        return self._document(answer)

    def _sign_in_first(self, deadline: float) -> None:
        try:
            self._sign_in(deadline)
        except Away as fault:
            fault.untouched = True  # the call itself was not made, or was turned away
            raise

    def _sign_in(self, deadline: float) -> None:
        self._token = self._client.configuration.access_token = None
        answer = self._ask_for_token(deadline)
        if answer.status == 401:  # also said where Airflow's database is away for the moment
            self._require_database(deadline)
            answer = self._ask_for_token(deadline)
        if answer.status == 401:
            raise faults.wrong_password(self.place)
        fault = (
            None if answer.done else faults.refused(self.place, answer.status, answer.headers, answer.body)
        )
        if isinstance(fault, Away):
            raise fault
        token = None if fault else _json(answer.body).get("access_token")
        if not isinstance(token, str):
            raise self._stranger(answer, deadline)
        self._token = self._client.configuration.access_token = token

    def _ask_for_token(self, deadline: float) -> _Answer:
        return self._request(
            "POST",
            "/auth/token",
            _left(deadline),
            {"Content-Type": "application/json", "Accept": "application/json"},
            {"username": self.place.user, "password": self.place.password},
        )

    def _require_database(self, deadline: float) -> None:
        """Raises Away where Airflow says that its database is."""
        health = self._request(
            "GET", "/api/v2/monitor/health", _left(deadline), {"Accept": "application/json"}
        )
        database = _json(health.body).get("metadatabase") if health.done else None
        if isinstance(database, dict) and database.get("status") == "unhealthy":
            raise faults.unreachable(self.place, "its database is away", untouched=True)

    def _stranger(self, answer: _Answer, deadline: float) -> Fault:
        """Who answers, where nobody signs in as Airflow 3 does."""
        health = self._request("GET", "/api/v1/health", _left(deadline), {"Accept": "application/json"})
        if health.done and "metadatabase" in _json(health.body):
            return faults.airflow_2(self.place)
        if 300 <= answer.status < 400:
            return faults.refused(self.place, answer.status, answer.headers, answer.body)
        return faults.not_airflow(self.place, f"it answers {answer.status} to POST /auth/token")

    def _document(self, answer: _Answer) -> Any:
        if not answer.done:
            raise faults.refused(self.place, answer.status, answer.headers, answer.body)
        try:
            return json.loads(answer.body) if answer.body else {}
        except ValueError:
            kind = answer.headers.get("Content-Type") or "nothing"
            raise faults.not_airflow(self.place, f"it answers in {kind}, not in JSON") from None

    def _request(
        self, method: str, path: str, timeout: float, headers: Mapping[str, str], body: Any = None
    ) -> _Answer:
        url = f"{self.place.url}{path}"
        return self._send(
            lambda: (
                self._client.call_api(
                    method, url, header_params=dict(headers), body=body, _request_timeout=timeout
                ).response
            ),
            timeout,
        )

    def _send(self, send: Callable[[], Any], timeout: float) -> _Answer:
        """Send a request and read its answer to the end, within the time that is left."""
        import urllib3.exceptions as http

        deadline = time.monotonic() + timeout
        try:
            response = send()
            body = bytearray()
            # The timeout of a connection is for each piece: an answer that trickles would never end.
            while piece := response.read1(PIECE):
                body += piece
                if time.monotonic() > deadline:
                    raise TimeoutError
            return _Answer(response.status, response.headers, bytes(body))
        except self._package.ApiException as error:  # the generated client's name for TLS faults
            why = str(error.reason).partition("\n")[2] or str(error.reason)
            if "EOF" in why or "timed out" in why:
                raise faults.unreachable(self.place, why, untouched=False) from error
            raise faults.tls(self.place, why) from error
        except http.NameResolutionError as error:
            host = urlsplit(self.place.url).hostname
            raise faults.unreachable(self.place, f"the name {host} is not known", untouched=True) from error
        except http.NewConnectionError as error:
            why = "nothing listens there" if "refused" in str(error) else _cause(error)
            raise faults.unreachable(self.place, why, untouched=True) from error
        except http.ConnectTimeoutError as error:
            why = f"no connection within {timeout:.0f} s"
            raise faults.unreachable(self.place, why, untouched=True) from error
        except (http.TimeoutError, TimeoutError) as error:
            raise faults.unreachable(
                self.place, f"no answer within {timeout:.0f} s", untouched=False
            ) from error
        except (http.LocationParseError, http.LocationValueError) as error:
            raise faults.not_airflow(self.place, "this is no address") from error
        except http.ProtocolError as error:
            raise faults.unreachable(self.place, "the connection broke off", untouched=False) from error
        except http.HTTPError as error:
            raise faults.unreachable(self.place, _cause(error), untouched=False) from error

    @cached_property
    def _package(self) -> Any:
        import airflow_client.client

        return airflow_client.client

    @cached_property
    def _client(self) -> Any:
        configuration = self._package.Configuration(host=self.place.url, retries=False)
        if is_loopback(urlsplit(self.place.url).hostname or ""):
            configuration.proxy = None  # a proxy of the environment does not see this machine
        return self._package.ApiClient(configuration)


def pauses(attempts: int) -> Iterator[float | None]:
    """The seconds to wait after each failed attempt; None after the last. They double, and are jittered so that
    many clients do not come back at once."""
    for attempt in range(attempts - 1):
        yield min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311
    yield None


def _left(deadline: float) -> float:
    """The seconds until the deadline; past it there is a moment left, for the fault to show itself."""
    return max(deadline - time.monotonic(), 0.1)


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _cause(error: BaseException) -> str:
    """What a fault of a connection says, without the objects that urllib3 shows in it."""
    text = str(error)
    return text.partition("): ")[2] or text
