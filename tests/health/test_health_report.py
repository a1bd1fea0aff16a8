"""The table, the other forms, the verdict and the exit code, of made-up findings."""

from __future__ import annotations

import io
from xml.etree.ElementTree import fromstring

import pytest

from dataops_cli.checks import Finding, Result
from dataops_cli.console import Console
from dataops_cli.errors import ExitCode
from dataops_cli.health.check import Layer
from dataops_cli.health.examination import Outcome
from dataops_cli.health.junit import junit
from dataops_cli.health.markdown import markdown
from dataops_cli.health.report import document, exit_code, lines, rendered, verdict

ENGINE = Outcome("engine", Layer.MACHINE, Finding(Result.OK, "Docker 29.1"), 0.25)
DISK = Outcome(
    "disk", Layer.MACHINE, Finding(Result.WARN, "8.0 GB free in /", "Tidy: rm it", 8.0, 10.0), 0.001
)
DOWN = Outcome(
    "containers",
    Layer.SERVICES,
    Finding(Result.FAIL, "a|b is <gone>\n*c* is paused", "dataops up a\ndocker unpause c", 2, 0),
    1.5,
)
SKIPPED = Outcome("redis", Layer.SERVICES, Finding(Result.SKIPPED, "the stack has no Redis"), 0.0)
AWAY = Outcome("engine", Layer.MACHINE, Finding(Result.FAIL, "no answer within 10 s", "docker info"), 10.0)
BAD = [ENGINE, DISK, DOWN, SKIPPED]

TABLE = """\
layer      check        result    found
────────────────────────────────────────────────────────
machine    engine       ok        Docker 29.1
machine    disk         warn      8.0 GB free in /
services   containers   fail      a|b is <gone>
                                  *c* is paused
services   redis        skipped   the stack has no Redis

  → disk: Tidy: rm it
  → containers: dataops up a
  → containers: docker unpause c

dev is not healthy: 1 of 3 checks failed, 1 warning, 1 skipped.
"""
GOOD = """\
layer     check    result   found
───────────────────────────────────────
machine   engine   ok       Docker 29.1

dev is healthy: 1 check made.
"""
MARKDOWN = """\
### dev is not healthy: 1 of 3 checks failed, 1 warning, 1 skipped.

| Result | Check | Found | Remedy |
| --- | --- | --- | --- |
| ✅ ok | engine | Docker 29.1 |  |
| ⚠️ warn | disk | 8.0 GB free in / | Tidy: rm it |
| ❌ fail | containers | a\\|b is &lt;gone&gt;<br>\\*c\\* is paused | dataops up a<br>docker unpause c |
| ⏭️ skipped | redis | the stack has no Redis |  |
"""
JUNIT = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testsuite name="dataops health dev" tests="4" failures="1" errors="0" skipped="1" time="1.751">
    <testcase classname="health.dev.machine" name="engine" time="0.250" />
    <testcase classname="health.dev.machine" name="disk" time="0.001">
      <system-out>warning: 8.0 GB free in /
Tidy: rm it</system-out>
    </testcase>
    <testcase classname="health.dev.services" name="containers" time="1.500">
      <failure message="a|b is &lt;gone&gt;&#10;*c* is paused" type="fail">a|b is &lt;gone&gt;
*c* is paused
dataops up a
docker unpause c</failure>
    </testcase>
    <testcase classname="health.dev.services" name="redis" time="0.000">
      <skipped message="the stack has no Redis" />
    </testcase>
  </testsuite>
</testsuites>
"""


def test_one_remedy_of_several_checks_is_given_once() -> None:
    findings = [Finding(Result.FAIL, "it is locked", remedy) for remedy in ("a\nb", "c", "a\nb", "a")]
    outcomes = [Outcome(name, Layer.DATA, item, 0.1) for name, item in zip("wxyz", findings, strict=True)]
    stdout = io.StringIO()
    Console(stdout=stdout).result(None, *rendered(outcomes, "dev"))
    told = [line.rstrip() for line in stdout.getvalue().splitlines() if "→" in line]
    assert told == ["  → w, y: a", "  → w, y: b", "  → x: c", "  → z: a"]


@pytest.mark.parametrize(("outcomes", "text"), [(BAD, TABLE), ([ENGINE], GOOD)])
def test_the_table(outcomes: list[Outcome], text: str) -> None:
    stdout = io.StringIO()
    Console(stdout=stdout).result(None, *rendered(outcomes, "dev"))
    assert [line.rstrip() for line in stdout.getvalue().splitlines()] == text.splitlines()


def test_markdown() -> None:
    assert markdown(BAD, "dev") == MARKDOWN


def test_junit() -> None:
    assert junit(BAD, "dev") == JUNIT


def test_junit_of_what_xml_may_not_hold() -> None:
    finding = Finding(Result.FAIL, '\x1b[31mred\x1b[0m \x00 ]]> & "q" ü \ud800', "don't")
    text = junit([Outcome("a<b", Layer.DATA, finding, 0.1)], 'x"y')
    found = fromstring(text.encode())  # noqa: S314 (it is ours)
    (case,) = found.iter("testcase")
    assert case.attrib["name"] == "a<b"
    (failure,) = case
    assert failure.attrib["message"] == '\ufffd[31mred\ufffd[0m \ufffd ]]> & "q" ü \ufffd'
    assert (failure.text or "").endswith("\ndon't")


def test_the_document() -> None:
    assert document([DISK, DOWN], "dev") == {
        "environment": "dev",
        "healthy": False,
        "checks": [
            {
                "name": "disk",
                "layer": "machine",
                "result": "warn",
                "found": "8.0 GB free in /",
                "value": 8.0,
                "threshold": 10.0,
                "remedy": "Tidy: rm it",
                "seconds": 0.001,
            },
            {
                "name": "containers",
                "layer": "services",
                "result": "fail",
                "found": "a|b is <gone>\n*c* is paused",
                "value": 2,
                "threshold": 0,
                "remedy": "dataops up a\ndocker unpause c",
                "seconds": 1.5,
            },
        ],
    }


@pytest.mark.parametrize(
    ("outcomes", "code", "text"),
    [
        ([ENGINE, SKIPPED], ExitCode.DONE, "dev is healthy: 1 check made, 1 skipped."),
        ([ENGINE, DISK], ExitCode.DONE, "dev is healthy: 2 checks made, 1 warning."),
        ([SKIPPED], ExitCode.DONE, "dev was not looked at: every check was skipped."),
        ([ENGINE, DOWN], ExitCode.FAILED, "dev is not healthy: 1 of 2 checks failed, 0 warnings."),
        (
            [AWAY, DOWN, SKIPPED],
            ExitCode.UNAVAILABLE,
            "dev cannot be looked at: 2 of 2 checks failed, 0 warnings, 1 skipped.",
        ),
    ],
)
def test_verdict_and_exit_code(outcomes: list[Outcome], code: ExitCode, text: str) -> None:
    assert (exit_code(outcomes), verdict(outcomes, "dev")) == (code, text)


def test_the_lines_of_one_who_watches() -> None:
    assert lines(BAD, "dev") == [
        "dev is not healthy: 1 of 3 checks failed, 1 warning, 1 skipped.",
        "  warn disk: 8.0 GB free in /",
        "  fail containers: a|b is <gone>; *c* is paused",
    ]
