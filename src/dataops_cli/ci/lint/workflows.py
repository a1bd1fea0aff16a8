"""GitHub's files: workflows, actions, Dependabot, issue forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.lint.tool import ToolError, call
from dataops_cli.ci.paths import matching

# As zizmor says that it gives up.
_UNREADABLE = re.compile(
    r"failed to load file://(?P<file>.+?) as [^\n]*\s+Caused by:\n(?P<why>.*)", re.DOTALL
)
_KEY = re.compile(r"[\w-]+(?:\.[\w-]+)*: ")
WORKFLOWS = ("/.github/workflows/*.yml", "/.github/workflows/*.yaml")
ACTIONS = ("action.yml", "action.yaml")
DEPENDABOT = ("/.github/dependabot.yml", "/.github/dependabot.yaml")
ISSUE_CONFIG = ("/.github/ISSUE_TEMPLATE/config.yml",)
ISSUE_FORMS = ("/.github/ISSUE_TEMPLATE/*.yml", "!/.github/ISSUE_TEMPLATE/config.yml")
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-actions": ACTIONS,
    "vendor.dependabot": DEPENDABOT,
    "vendor.github-issue-config": ISSUE_CONFIG,
    "vendor.github-issue-forms": ISSUE_FORMS,
}


def _workflows(subject: Subject) -> list[str]:
    return matching(subject.files, WORKFLOWS)


def _actionlint(subject: Subject, files: Sequence[str]) -> list[Finding]:
    output = call("actionlint", "-format", "{{json .}}", folder=subject.root, files=files)
    return [
        Finding(item["filepath"], item["line"], item["kind"], item["message"], item["column"])
        for item in json.loads(output or "[]") or []
    ]


def _audited(subject: Subject) -> list[str]:
    return matching(subject.files, (*WORKFLOWS, *ACTIONS, *DEPENDABOT))


def _zizmor(subject: Subject, files: Sequence[str]) -> list[Finding]:
    """It gives up at the first file that it cannot read, so it is asked anew without that one."""
    left, found = list(files), list[Finding]()
    while left:
        try:
            return found + _audits(subject, left)
        except ToolError as error:
            unreadable = _UNREADABLE.search(error.said)
            file = unreadable["file"].removeprefix("./") if unreadable else ""
            if not unreadable or file not in left:
                raise
            found.append(_not_read(subject, file, unreadable["why"]))
            left.remove(file)
    return found


def _audits(subject: Subject, files: Sequence[str]) -> list[Finding]:
    # 1 is a failure of its own; findings have codes by their severity.
    output = call(
        "zizmor",
        *("--offline", "--quiet", "--no-progress", "--strict-collection"),
        *("--persona", "pedantic", "--format", "json-v1"),
        folder=subject.root,
        files=files,
        codes=(0, 10, 11, 12, 13, 14),
    )
    return [_audit(item) for item in json.loads(output) if not item["ignored"]]


def _not_read(subject: Subject, file: str, why: str) -> Finding:
    """Its causes come one a line, the last one, with the place, last; some have more lines."""
    causes = re.findall(r"^\s+(?:\d+: )?(\S.*)$", why, re.MULTILINE)
    cause = next((each for each in causes if _KEY.match(each)), causes[0] if causes else "it cannot be read")
    if place := re.search(r"at line (\d+)", cause):
        line = int(place[1])
    else:
        path = re.sub(r"\.(\d+)\b", r"[\1]", cause.partition(":")[0])
        text = (subject.root / file).read_text(encoding="utf-8", errors="replace")
        line = line_of(text, f"$.{path}")
    return Finding(file, line, "unreadable", f"it is not audited: {cause}")


def _audit(item: dict[str, Any]) -> Finding:
    """Of the places that belong to a finding, the primary one."""
    place = next(
        (each for each in item["locations"] if each["symbolic"]["kind"] == "Primary"), item["locations"][0]
    )
    start = place["concrete"]["location"]["start_point"]
    return Finding(
        place["symbolic"]["key"]["Local"]["verbatim_path"].removeprefix("./"),
        start["row"] + 1,
        item["ident"],
        f"{item['desc']}: {place['symbolic']['annotation']}",
        start["column"] + 1,
    )


def _described(subject: Subject) -> list[str]:
    return sorted({name for patterns in SCHEMAS.values() for name in matching(subject.files, patterns)})


def _schemas(subject: Subject, files: Sequence[str]) -> list[Finding]:
    return [
        finding
        for schema, patterns in SCHEMAS.items()
        if (those := matching(files, patterns))
        for finding in _against(subject, schema, those)
    ]


def _against(subject: Subject, schema: str, files: Sequence[str]) -> Iterator[Finding]:
    output = call(
        "check-jsonschema",
        *("--builtin-schema", schema, "--output-format", "json"),
        folder=subject.root,
        files=files,
    )
    document = json.loads(output)
    for item in document.get("parse_errors", ()):
        yield Finding(item["filename"], 1, "yaml", item["message"])
    for item in document.get("errors", ()):
        best = item.get("best_deep_match") or item
        text = (subject.root / item["filename"]).read_text(encoding="utf-8", errors="replace")
        yield Finding(
            item["filename"],
            line_of(text, best["path"]),
            schema.removeprefix("vendor."),
            f"{best['path']}: {best['message']}",
        )


def line_of(text: str, path: str) -> int:
    """The line of a YAML text to which a JSON path leads, such as `$.jobs.lint.steps[2]`, as far as it goes."""
    import yaml

    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        return 1
    line = 1
    for key, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", path):
        if isinstance(node, yaml.MappingNode) and key:
            found = [(name, value) for name, value in node.value if name.value == key]
        elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
            found = [(node.value[int(index)],) * 2]
        else:
            break
        if not found:
            break
        name, node = found[0]
        line = name.start_mark.line + 1
    return line


ACTIONLINT = Check(
    "workflows",
    "Workflows, by actionlint with shellcheck",
    ("actionlint", "shellcheck"),
    _workflows,
    _actionlint,
    "What it means: https://github.com/rhysd/actionlint/blob/main/docs/checks.md",
)
ZIZMOR = Check(
    "workflow-security",
    "Workflows and actions, by zizmor (pedantic)",
    ("zizmor",),
    _audited,
    _zizmor,
    "What an audit means: https://docs.zizmor.sh/audits/; allow it on its line: # zizmor: ignore[AUDIT]",
)
SCHEMA = Check(
    "github-schemas",
    "GitHub's files against their schemas, by check-jsonschema",
    ("check-jsonschema",),
    _described,
    _schemas,
    "See what is allowed there: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax",
)
