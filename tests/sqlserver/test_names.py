"""Names and text are read back by a T-SQL tokenizer as they were, whatever they hold."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlglot import tokenize
from sqlglot.tokens import TokenType

from dataops_cli.warehouse.sqlserver.names import identifier, literal, qualified

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
# What would end a name or a text, if it were let.
NASTY = st.lists(
    st.sampled_from(["'", "''", "]", "[", "]]", '"', "--", "/*", "*/", ";", "\n", "N", "\\", "DROP"])
)
ANY = TEXT | NASTY.map("".join)


@given(ANY.filter(bool))
@example("]; DROP TABLE x --")
@example("]]")
def test_an_identifier_is_one_token(name: str) -> None:
    (token,) = tokenize(identifier(name), dialect="tsql")
    assert (token.token_type, token.text) == (TokenType.IDENTIFIER, name)


@given(ANY)
@example("'; DROP TABLE x --")
@example("'")
@example("\\'")
def test_a_literal_is_one_token(text: str) -> None:
    (token,) = tokenize(literal(text), dialect="tsql")
    assert (token.token_type, token.text) == (TokenType.NATIONAL_STRING, text)


@given(st.lists(ANY.filter(bool), min_size=1, max_size=3))
def test_a_qualified_name_has_its_parts(parts: list[str]) -> None:
    tokens = tokenize(qualified(*parts), dialect="tsql")
    assert [token.text for token in tokens if token.token_type is TokenType.IDENTIFIER] == parts
    assert [token.token_type for token in tokens[1::2]] == [TokenType.DOT] * (len(parts) - 1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (identifier("a]b"), "[a]]b]"),
        (literal("it's"), "N'it''s'"),
        (qualified("AdventureWorks2014", "Sales", "x"), "[AdventureWorks2014].[Sales].[x]"),
    ],
)
def test_examples(written: str, expected: str) -> None:
    assert written == expected
