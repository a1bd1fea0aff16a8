"""Commands to advise, for the environment in use.

A hint is written where its cause is known, often far from the environment's name: `Build it: dataops run`. It is
completed where it is shown.
"""

from __future__ import annotations

import re

from dataops_cli.cli.subcommands import SUBCOMMANDS

# Commands whose arguments are somebody else's: an option of ours must stand before them.
PASSING = frozenset({"dbt", "exec"})
# A command's words in lower case, taken whole, with no --env behind them.
_COMMAND = re.compile(
    r"\bdataops (?P<words>(?>[a-z][a-z-]*+(?: [a-z][a-z-]*+(?!\w|[./=:+@,%]\w))*))(?! --env\b)"
)


def for_environment(text: str, environment: str) -> str:
    """The text with `--env` in each `dataops` command in it that has none."""

    def completed(found: re.Match[str]) -> str:
        words = found["words"].split()
        if words[0] not in SUBCOMMANDS:
            return found[0]
        own = 1 if words[0] in PASSING else len(words)
        return " ".join(["dataops", *words[:own], "--env", environment, *words[own:]])

    return _COMMAND.sub(completed, text)
