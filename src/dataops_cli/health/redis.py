"""Whether Redis, which holds the queue of Airflow's workers, answers who has its password."""

from __future__ import annotations

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.commands import SLOW, Answer, ask

SERVICE = "redis"
LATE = "It takes no commands: dataops restart redis"


def look(subject: Subject) -> Finding:
    installed = subject.installed
    if not installed.has(SERVICE):
        return Finding(Result.SKIPPED, "the stack has no Redis")
    secret = subject.environment.settings.secrets.redis_password
    # redis-cli takes the password from this variable: it is in no command line.
    variables = {"REDISCLI_AUTH": secret.get_secret_value() if secret else ""}
    return decide(ask(installed.engine, installed.running(SERVICE), ["redis-cli", "ping"], variables))


def decide(answer: Answer) -> Finding:
    if answer.timed_out:
        return Finding(Result.FAIL, "Redis does not answer", "dataops restart redis")
    if "WRONGPASS" in answer.text or "NOAUTH" in answer.text:
        found = "Redis refuses the password in secrets.redis_password"
        return Finding(Result.FAIL, found, "Put the one back that it has, or give it the new one: dataops up")
    if answer.code or not answer.text.endswith("PONG"):
        said = answer.text.splitlines()[-1:] or ["nothing"]
        return Finding(Result.FAIL, f"Redis says: {said[0]}", "dataops logs redis")
    milliseconds = round(answer.milliseconds)
    found = f"answered in {milliseconds} ms"
    if milliseconds > SLOW:
        return Finding(Result.WARN, f"{found}: slow", "dataops health --check memory", milliseconds, SLOW)
    return Finding(Result.OK, found, "", milliseconds, SLOW)
