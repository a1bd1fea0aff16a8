"""Titles by Conventional Commits, and descriptions that say something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.ci.config import TYPES, PullRequests
from dataops_cli.ci.pr.description import own_words
from dataops_cli.ci.pr.title import Title, faults, parse

WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)

TITLES = {
    "feat: orders by channel": [],
    "fix(silver)!: count returns once": [],
    "docs(a/b, c): say so": [],
    "feature: x": ["feature is no type"],
    "Fix: x": ["Fix is no type; did you mean fix?"],
    "\x1b[2Jx: y": ["\\x1b[2Jx is no type", "it has characters that cannot be seen"],
    "feat:x": ["a space is missing after the colon"],
    "feat: ": ["nothing follows the colon"],
    "feat:": ["nothing follows the colon"],
    "feat(): x": ["its scope is empty"],
    "feat (x): y": ["it has not the form `type: description`"],
    "orders by channel": ["it has not the form `type: description`"],
    'Revert "feat: x"': ["it has not the form `type: description`"],
    "": ["it is empty"],
    "  ": ["it is empty"],
    "feat: it works.": ["it ends with a full stop"],
    "feat:  x": ["it has more spaces than one before the description, or some after it"],
    "feat: x ": ["it has more spaces than one before the description, or some after it"],
    "feat: a\u200bb": ["it has characters that cannot be seen"],
    "feat: " + "x" * 95: ["it has 101 characters, and 100 are allowed"],
}


@pytest.mark.parametrize(("title", "found"), TITLES.items())
def test_what_is_wrong_with_a_title(title: str, found: list[str]) -> None:
    assert list(faults(title, PullRequests())) == found


def test_types_and_scopes_are_the_repositorys_own() -> None:
    rules = PullRequests(types=("data",), scopes=("gold",))
    assert list(faults("data(gold): x", rules)) == []
    assert list(faults("data: x", rules)) == []
    assert list(faults("feat(bronze): x", rules)) == ["feat is no type", "bronze is no scope: gold"]
    assert next(iter(faults("data(a\nb): x", rules))) == "a\\nb is no scope: gold"


@given(st.builds(Title, WORDS, st.none() | WORDS, st.booleans(), WORDS))
def test_a_title_is_read_as_it_is_written(title: Title) -> None:
    assert parse(str(title)) == title


@given(st.text())
def test_whatever_is_read_is_all_of_the_text(text: str) -> None:
    found = parse(text)
    assert found is None or str(found) == text
    assert (found is not None and found.type in TYPES) or list(faults(text, PullRequests()))


TEMPLATE = """\
## What and why

<!-- What changes for whoever uses it -->

## Before it is merged

- [ ] Tests cover it
"""


@pytest.mark.parametrize(
    "body",
    [
        "",
        " \r\n\r\n",
        TEMPLATE,
        TEMPLATE.replace("\n", "\r\n"),
        TEMPLATE.replace("[ ]", "[x]"),
        "# Heading\n\n---\n",
        "<!-- a comment\nof two lines",
        "…",
    ],
)
def test_the_template_is_no_description(body: str) -> None:
    assert own_words(body, TEMPLATE) == []


def test_a_sentence_is_one() -> None:
    body = TEMPLATE.replace("<!--", "Readers get a column more.\n<!--")
    assert own_words(body, TEMPLATE) == ["Readers get a column more."]
    assert own_words("#12 is closed by it") == ["#12 is closed by it"]
