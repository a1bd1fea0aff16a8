"""Whether the metadata database answers who has its password, how fast, and whether it has connections left."""

from __future__ import annotations

import re

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.commands import SLOW, Answer, ask

SERVICE = "postgres"
LATE = "It takes no commands: dataops restart postgres"
# Per cent of max_connections.
WARN, FAIL = 80.0, 95.0
# Over the network, where it asks for the password, which comes as a variable: it is in no command line.
PSQL = [
    "sh",
    "-c",
    'printf %s "$STATEMENT" | PGCONNECT_TIMEOUT=4 psql --no-psqlrc --no-password --quiet --no-align --tuples-only '
    '--set=ON_ERROR_STOP=1 --set=VERBOSITY=terse --host="$(hostname)" --username="${POSTGRES_USER:-postgres}" '
    '--dbname="${POSTGRES_DB:-postgres}"',
]
# What it says where every connection is taken, and where those are that it reserves for administrators.
TAKEN = re.compile(r"too many clients already|remaining connection slots are reserved")
STATEMENT = "select sum(numbackends), current_setting('max_connections') from pg_stat_database"


def look(subject: Subject) -> Finding:
    installed = subject.installed
    if not installed.has(SERVICE):
        return Finding(Result.SKIPPED, "the stack has no PostgreSQL")
    secret = subject.environment.settings.secrets.postgres_password
    variables = {"STATEMENT": STATEMENT, "PGPASSWORD": secret.get_secret_value() if secret else ""}
    return decide(ask(installed.engine, installed.running(SERVICE), PSQL, variables))


def decide(answer: Answer) -> Finding:
    """For what psql said: connections and how many there may be, such as `12|100`."""
    if answer.timed_out or "timeout expired" in answer.text:
        return Finding(Result.FAIL, "PostgreSQL does not answer", "dataops restart postgres")
    said = answer.text.splitlines()[-1:] or ["nothing"]
    if "password authentication failed" in answer.text or "no password supplied" in answer.text:
        found = "PostgreSQL refuses the password in secrets.postgres_password"
        return Finding(
            Result.FAIL,
            found,
            "Put the one back that it has, or change both: dataops secrets rotate secrets.postgres_password",
        )
    if TAKEN.search(answer.text):
        remedy = "End them all, which Airflow gets over: dataops restart postgres"
        return Finding(Result.FAIL, "PostgreSQL has no connection left", remedy, 100.0, FAIL)
    if answer.code:
        return Finding(Result.FAIL, said[0], "dataops logs postgres")
    used, most = map(int, said[0].split("|"))
    share = round(100 * used / most, 1)
    found = f"{used} of {most} connections, answered in {answer.milliseconds:.0f} ms"
    if share >= WARN:
        result, threshold = (Result.FAIL, FAIL) if share >= FAIL else (Result.WARN, WARN)
        remedy = (
            "See who has them: dataops exec postgres -- psql -U airflow -c 'select * from pg_stat_activity'"
        )
        return Finding(result, found, remedy, share, threshold)
    if answer.milliseconds > SLOW:
        return Finding(
            Result.WARN, f"{found}: slow", "dataops health --check memory", answer.milliseconds, SLOW
        )
    return Finding(Result.OK, found, "", share, WARN)
