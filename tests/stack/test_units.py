"""Durations and sizes are read and written as Go and Compose do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.stack.units import byte_size, duration, nanoseconds


@pytest.mark.parametrize(
    ("text", "amount", "printed"),
    [
        ("90s", 90 * 10**9, "1m30s"),
        ("1m30s", 90 * 10**9, "1m30s"),
        ("1h", 3600 * 10**9, "1h0m0s"),
        ("1.5s", 1_500_000_000, "1.5s"),
        ("250ms", 250_000_000, "250ms"),
        ("0s", 0, "0s"),
        ("1h0m0.5s", 3_600_500_000_000, "1h0m0.5s"),
    ],
)
def test_duration(text: str, amount: int, printed: str) -> None:
    assert nanoseconds(text) == amount
    assert duration(amount) == printed


@given(st.integers(min_value=0, max_value=10**16))
def test_a_printed_duration_reads_back(amount: int) -> None:
    assert nanoseconds(duration(amount)) == amount


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1 s", "-1s", "1s "])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        nanoseconds(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512m", 512 * 1024**2),
        ("1.5gb", 3 * 1024**3 // 2),
        ("100", 100),
        (7, 7),
        ("2GiB", 2 * 1024**3),
        ("1k", 1024),
    ],
)
def test_size(text: str | int, size: int) -> None:
    assert byte_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "1x", "-1m"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        byte_size(text)
