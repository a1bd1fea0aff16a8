from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.source.draws import Draws, Stream


def test_numbers_are_pinned() -> None:
    """They must stay as they are: generated data is the same for a seed in every version."""
    stream = Stream.of(1, "lines")
    assert [stream.number(key) for key in (0, 1, 2, 2**32)] == [580038230, 123181236, 159880410, 450255930]


@given(seed=st.integers(0, 2**63 - 1), keys=st.lists(st.integers(0, 2**32), min_size=1, max_size=20))
def test_sql_and_python_agree(seed: int, keys: list[int]) -> None:
    stream = Draws(seed).stream("any")
    found = duckdb.execute(
        f"SELECT {stream.sql('key')} FROM (SELECT unnest($keys::BIGINT[]) AS key)", {"keys": keys}
    )
    assert [number for (number,) in found.fetchall()] == [stream.number(key) for key in keys]


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_numbers_are_spread_and_do_not_follow_each_other(seed: int) -> None:
    count, cells = 40_000, 10
    one, other = Draws(seed).stream("one"), Draws(seed).stream("other")
    for pairs in (
        [(one.number(key) % cells, one.number(key + 1) % cells) for key in range(count)],
        [(one.number(key) % cells, other.number(key) % cells) for key in range(count)],
    ):
        expected = count / cells**2
        chi_square = sum(
            (pairs.count((a, b)) - expected) ** 2 / expected for a in range(cells) for b in range(cells)
        )
        # 99 degrees of freedom: beyond 170 in one of 100,000 cases.
        assert chi_square < 170
