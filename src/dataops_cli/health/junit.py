"""What the checks found as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dataops_cli.checks import Result
from dataops_cli.health.examination import Outcome

# What no XML document may hold, however it is escaped (XML 1.0, 2.2), such as the colours of a log.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(outcomes: Sequence[Outcome], environment: str) -> str:
    """One test suite; a warning is a test that passed and printed something."""
    failed = sum(item.finding.result is Result.FAIL for item in outcomes)
    skipped = sum(item.finding.result is Result.SKIPPED for item in outcomes)
    counts = {
        "name": f"dataops health {environment}",
        "tests": str(len(outcomes)),
        "failures": str(failed),
        "errors": "0",
        "skipped": str(skipped),
        "time": f"{sum(item.seconds for item in outcomes):.3f}",
    }
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", counts)
    for item in outcomes:
        names = {"classname": f"health.{environment}.{item.layer}", "name": item.name}
        case = SubElement(suite, "testcase", names | {"time": f"{item.seconds:.3f}"})
        finding = item.finding
        found = _clean(finding.found)
        text = _clean("\n".join(filter(None, (finding.found, finding.remedy))))
        if finding.result is Result.FAIL:
            SubElement(case, "failure", {"message": found, "type": "fail"}).text = text
        elif finding.result is Result.SKIPPED:
            SubElement(case, "skipped", {"message": found})
        elif finding.result is Result.WARN:
            SubElement(case, "system-out").text = f"warning: {text}"
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
