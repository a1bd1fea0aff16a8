"""What the user chose for a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dataops_cli.errors import UsageError
from dataops_cli.layers import LAYERS


@dataclass(frozen=True)
class RunOptions:
    """What the user chose. `layers`, `select` and `exclude` narrow what is built. Only a deploy that is asked to
    leaves the tests out, and never in prod."""

    layers: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    fail_fast: bool = False
    retry: bool = False
    lock_wait: float = 0
    with_tests: bool = True

    def selection(self) -> dict[str, Any]:
        """What a retry takes over."""
        return {
            "layers": list(self.layers),
            "select": list(self.select),
            "exclude": list(self.exclude),
            "variables": dict(self.variables),
            "with_tests": self.with_tests,
        }


def check_options(options: RunOptions) -> None:
    """Refuse what cannot go together. Raises UsageError."""
    unknown = [layer for layer in options.layers if layer not in LAYERS]
    if unknown:
        raise UsageError(f"There is no layer {unknown[0]}", hint=f"Layers: {', '.join(LAYERS)}")
    if options.retry and (options.layers or options.select or options.exclude or options.variables):
        raise UsageError(
            "--retry continues the run that failed, with its own selection and variables",
            hint="Leave out --layer, --select, --exclude and --vars, or leave out --retry.",
        )
    if "as_of_date" in options.variables:
        given = options.variables["as_of_date"]
        try:
            date.fromisoformat(str(given))
        except ValueError:
            raise UsageError(
                f"as_of_date is {given!r}, which is no date", hint="Write it as 2014-06-30."
            ) from None
