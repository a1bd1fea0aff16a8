"""Whether the environment's SQL Server has its passwords, and answers."""

from __future__ import annotations

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Case, known
from dataops_cli.errors import DataopsError
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Authentication, Engine, Settings
from dataops_cli.settings.secrets import ADMINISTRATOR, LOGINS, is_set
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.driver import find_driver
from dataops_cli.warehouse.sqlserver.errors import SqlServerError

# Seconds for a login.
PATIENCE = 4
LATE = "See whether SQL Server is well: it takes connections, and does not answer."

BUILD, READER = LOGINS
# Ways to log in for which warehouse.password is needed.
BY_PASSWORD = frozenset({Authentication.SQL, Authentication.ENTRA_PASSWORD, Authentication.SERVICE_PRINCIPAL})


def look_at_passwords(case: Case) -> Finding:
    environment = known(case.environment)
    return _skipped(environment.settings) or decide(missing(environment), environment.settings)


def missing(environment: Environment) -> list[str]:
    """The keys of the passwords that have no value and are needed."""
    needed = [READER, ADMINISTRATOR]
    if environment.settings.warehouse.authentication in BY_PASSWORD:
        needed.insert(0, BUILD)
    return [key for key in needed if not is_set(environment, key)]


def decide(missing: list[str], settings: Settings) -> Finding:
    if not missing:
        return Finding(Result.OK, "set")
    found = f"not set: {', '.join(missing)}"
    if settings.has_own_server:
        return Finding(
            Result.WARN,
            found,
            "At its first start the stack gets them: dataops up. Later, copy the secrets file from who has it.",
        )
    if missing == [ADMINISTRATOR]:
        return Finding(Result.OK, f"{found}, which only `dataops source` needs")
    result = Result.FAIL if BUILD in missing else Result.WARN
    return Finding(result, found, "\n".join(f"dataops secrets set {key}" for key in missing))


def look(case: Case) -> Finding:
    """Logs in, as the building account where that asks nobody anything."""
    environment = known(case.environment)
    settings = environment.settings
    if skipped := _skipped(settings):
        return skipped
    lacking = missing(environment)
    by_hand = settings.warehouse.authentication is Authentication.ENTRA_INTERACTIVE
    account = Account.READER if by_hand or BUILD in lacking else Account.BUILD
    if account is Account.READER and READER in lacking:
        return Finding(Result.SKIPPED, "no password is set")
    try:
        find_driver()
    except DataopsError:
        return Finding(Result.SKIPPED, "no ODBC driver")
    return greet(settings, account)


def greet(settings: Settings, account: Account) -> Finding:
    """Where it is the stack's own that does not answer, it may only not have been started yet."""
    timeouts = {"login_timeout": min(PATIENCE, settings.warehouse.login_timeout), "query_timeout": PATIENCE}
    hurried = settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update=timeouts)})
    server = Server(hurried)
    try:
        with server.connect(account) as connection:
            version = connection.value("SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))")
    except SqlServerError as error:
        result = Result.WARN if settings.has_own_server else Result.FAIL
        return Finding(result, error.reason, error.hint)
    return Finding(Result.OK, f"{server.place} answers {server.user(account)}, version {version}")


def _skipped(settings: Settings) -> Finding | None:
    engine = settings.warehouse.engine
    return None if engine is Engine.SQLSERVER else Finding(Result.SKIPPED, f"the warehouse is {engine.value}")
