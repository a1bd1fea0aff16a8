"""Whether the certificate that workers on other machines trust is the stack's, and how long it is good for."""

from __future__ import annotations

from datetime import UTC, datetime

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.stack.certificate import from_line
from dataops_cli.stack.environment import certificate_is_anothers

LATE = "Run it again."
# Days.
SOON = 30
RENEW = "Put what this prints into worker.certificate, here and on the workers' machines: dataops worker certificate"


def look(subject: Subject) -> Finding:
    """Raises UsageError where the setting is no certificate."""
    from cryptography import x509

    environment = subject.environment
    if not environment.settings.worker.certificate:
        return Finding(Result.SKIPPED, "worker.certificate is not set")
    certificate = x509.load_pem_x509_certificate(from_line(environment.settings.worker.certificate))
    return decide(
        certificate.not_valid_after_utc, datetime.now(UTC), others=certificate_is_anothers(environment)
    )


def decide(end: datetime, now: datetime, *, others: bool) -> Finding:
    """`others`: whether it is another one than the stack shows."""
    days = (end - now).days
    if end <= now:
        return Finding(Result.FAIL, f"it expired on {end:%Y-%m-%d}", RENEW, days, 0)
    if others:
        return Finding(Result.FAIL, "it is not the stack's: workers on other machines refuse it", RENEW)
    found = f"good until {end:%Y-%m-%d}"
    return Finding(Result.WARN if days < SOON else Result.OK, found, RENEW if days < SOON else "", days, SOON)
