"""What dbt says of a model that does not keep its contract."""

from __future__ import annotations

import re

_FAILED = "enforced contract that failed"
# A row of its table: column_name, definition_type, contract_type, mismatch_reason; of long words the end is cut off.
_ROW = re.compile(
    r"^\s*\|\s*(\w+)\s*\|[^|\n]*\|[^|\n]*\|\s*(data type|missing in c|missing in d)", re.MULTILINE
)


def column_to_mend(message: str) -> str | None:
    """The first column that the contract, in the YAML file, lacks or has with another type than the model gives it.
    None where there is none: a column that the model does not select is to be mended in its SQL."""
    if _FAILED not in message:
        return None
    return next((name for name, reason in _ROW.findall(message) if reason != "missing in d"), None)
