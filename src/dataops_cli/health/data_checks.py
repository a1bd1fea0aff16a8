"""The checks of dbt and of the data, in the order in which they are shown. They are made where dbt runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dataops_cli.checks import Finding, Result
from dataops_cli.errors import DataopsError
from dataops_cli.health import (
    data_freshness,
    data_keys,
    data_publication,
    data_relations,
    data_rows,
    data_tests,
    data_totals,
    dbt_connection,
    dbt_versions,
)
from dataops_cli.health.check import Check, Layer, Subject
from dataops_cli.health.inside import found_inside, is_made_inside

LATE = {
    Layer.DBT: "Run it again; where it stays so: dataops dbt debug",
    Layer.DATA: "See who uses the warehouse: dataops runs; then run it again",
}
# dbt alone takes seconds to begin.
DEADLINES = {Layer.DBT: 40.0, Layer.DATA: 20.0}
# The first of a layer fails where none can be made; the others are skipped.
LOOKS: Mapping[Layer, Mapping[str, Callable[[Subject], Finding]]] = {
    Layer.DBT: {"dbt": dbt_connection.look, "dbt-versions": dbt_versions.look},
    Layer.DATA: {
        "relations": data_relations.look,
        "rows": data_rows.look,
        "keys": data_keys.look,
        "totals": data_totals.look,
        "freshness": data_freshness.look,
        "publication": data_publication.look,
        "tests": data_tests.look,
    },
}


def _check(layer: Layer, name: str, look: Callable[[Subject], Finding], *, is_first: bool) -> Check:
    def look_there(subject: Subject) -> Finding:
        if not is_made_inside(subject):
            return look(subject)
        try:
            return found_inside(subject, name)
        except DataopsError as error:
            if is_first:
                raise
            return Finding(Result.SKIPPED, error.reason)

    return Check(name, layer, look_there, LATE[layer], DEADLINES[layer])


CHECKS: tuple[Check, ...] = tuple(
    _check(layer, name, look, is_first=name == next(iter(looks)))
    for layer, looks in LOOKS.items()
    for name, look in looks.items()
)
