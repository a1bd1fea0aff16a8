"""How `dataops health` shows what was found."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

from dataops_cli.health.examination import Outcome
from dataops_cli.health.junit import junit
from dataops_cli.health.markdown import markdown
from dataops_cli.health.report import document, rendered

if TYPE_CHECKING:
    from dataops_cli.cli.application import Application


class Form(Enum):
    """TABLE is JSON where that is asked for."""

    TABLE = auto()
    JUNIT = auto()
    MARKDOWN = auto()


def show(app: Application, outcomes: Sequence[Outcome], form: Form) -> None:
    name = app.environment_name
    if form is Form.JUNIT:
        app.console.text(junit(outcomes, name))
    elif form is Form.MARKDOWN:
        app.console.text(markdown(outcomes, name))
    else:
        app.console.result(document(outcomes, name), *rendered(outcomes, name))
