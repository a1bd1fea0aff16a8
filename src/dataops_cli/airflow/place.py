"""Where the environment's Airflow is, and who signs in to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.settings.load import Environment

PORT = 8080
PASSWORD = "secrets.airflow_admin_password"  # noqa: S105 (a setting's name)


@dataclass(frozen=True)
class Place:
    """An Airflow to talk to. `timeout` is what one call may take in seconds, repetitions included."""

    url: str
    user: str
    password: str = field(repr=False)
    timeout: float = 30.0


def url_of(environment: Environment) -> str:
    """Airflow's address: `airflow.url`, else where the environment's own stack publishes it.

    Raises UsageError where there is neither.
    """
    airflow, stack = environment.settings.airflow, environment.settings.stack
    if airflow.url is not None:
        return airflow.url
    if not stack.enabled:
        raise UsageError(
            f"The environment {environment.name} has no Airflow: it has no stack, and airflow.url is not set",
            hint="Name one that has: --env dev",
        )
    return f"http://{_reachable(stack.bind_address)}:{PORT + stack.port_offset}"


def place_of(environment: Environment) -> Place:
    """As `url_of`, with the account. Raises DataopsError (exit 3) where the password has no value."""
    url = url_of(environment)
    settings = environment.settings.airflow
    secret = environment.settings.secrets.airflow_admin_password
    if secret is None or not secret.get_secret_value():
        raise DataopsError(
            f"The password of Airflow's user {settings.user} is not set ({PASSWORD})",
            hint=f"`dataops up` makes it with the stack; for one that runs elsewhere: dataops secrets set {PASSWORD}",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return Place(url, settings.user, secret.get_secret_value(), settings.timeout)


def _reachable(bind_address: str) -> str:
    """The address to reach what listens on `bind_address`."""
    try:
        address = ip_address(bind_address)
    except ValueError:
        return bind_address
    if address.is_unspecified:
        return "127.0.0.1"
    return f"[{address}]" if address.version == 6 else str(address)
