"""The figures, reckoned by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from documents import day, days
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.report import formats
from dataops_cli.report.figures import a_year_before, days_of, figures_of, groups_of, months_of, share
from dataops_cli.report.platform_charts import placed
from dataops_cli.report.time_charts import is_skewed


def test_no_day_makes_no_figures() -> None:
    assert figures_of([]) is None
    assert months_of([], 12) == []


def test_one_day_has_no_year_before() -> None:
    figures = figures_of(days_of([day("2014-06-30", "110.5")]))

    assert figures is not None
    assert (figures.year.revenue, figures.recent.revenue) == (Decimal("110.5"), Decimal("110.5"))
    assert (figures.last_year, figures.before) == (None, None)
    assert figures.recent.order_value == Decimal("55.25")


def test_periods_are_the_same_dates_and_365_days() -> None:
    """One unit of revenue a day: a sum is a number of days."""
    figures = figures_of(days_of(days(date(2012, 1, 1), 366 + 365 + 181, "1")))

    assert figures is not None
    assert figures.last == date(2014, 6, 30)
    assert figures.year.revenue == 181
    assert figures.last_year is not None
    assert figures.last_year.revenue == 181
    assert figures.recent.revenue == 365
    assert figures.before is not None
    assert figures.before.revenue == 365


def test_a_period_that_the_data_cover_in_part_is_not_compared_with() -> None:
    figures = figures_of(days_of(days(date(2013, 3, 1), 487, "1")))

    assert figures is not None
    assert figures.last == date(2014, 6, 30)
    assert (figures.last_year, figures.before) == (None, None)


def test_the_29th_of_february_compares_with_the_28th() -> None:
    assert a_year_before(date(2012, 2, 29)) == date(2011, 2, 28)
    assert a_year_before(date(2013, 2, 28)) == date(2012, 2, 28)


def test_a_month_under_way_is_compared_with_as_many_days() -> None:
    months = months_of(days_of(days(date(2013, 6, 1), 375, "1")), 12)

    assert (months[-1].first, months[-1].revenue, months[-1].prior) == (date(2014, 6, 1), 10, 10)
    assert (months[-2].first, months[-2].revenue, months[-2].prior) == (date(2014, 5, 1), 31, None)


def test_groups_are_added_up_the_most_revenue_first() -> None:
    rows = [
        {"churn_risk": "active", "customers": 2, "revenue": "1.5"},
        {"churn_risk": "churned", "customers": 1, "revenue": "9"},
        {"churn_risk": "active", "customers": 3, "revenue": "0.5"},
    ]

    found = groups_of(rows, "churn_risk", "customers")

    assert [(group.code, group.count, group.revenue) for group in found] == [
        ("churned", 1, 9),
        ("active", 5, 2),
    ]


def test_a_day_far_above_the_others_asks_for_a_logarithmic_scale() -> None:
    even = days_of(days(date(2014, 1, 1), 30))
    assert not is_skewed(even)
    assert is_skewed([*even, *days_of([day("2014-02-01", "2001")])])
    assert not is_skewed([*even, *days_of([day("2014-02-01", "2000")])])


def test_shares_of_nothing_are_none() -> None:
    assert share(1, 0) is None
    assert formats.percent(share(1, 3)) == "33.3\u202f%"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"),
        (Decimal("950.4"), "950"),
        (48_375, "48.4 k"),
        (Decimal("20057928.8109"), "20.06 M"),
        (-1_500_000_000, "\u22121.50 bn"),
    ],
)
def test_amounts_are_short(value: Decimal | int | None, text: str) -> None:
    assert formats.compact(value).replace("\u202f", " ") == text


def test_times_have_their_zone() -> None:
    assert formats.moment("2026-11-29T09:29:16+02:00") == "29 Nov 2026, 07:29 UTC"
    assert formats.moment(None) == "\u2013"
    assert [formats.seconds(value) for value in (0.03, 2.25, 11.4, 125.0)] == [
        "30\u202fms",
        "2.2\u202fs",
        "11\u202fs",
        "2\u202fmin 5\u202fs",
    ]


@given(st.text(max_size=80))
def test_a_long_word_may_be_broken_and_says_the_same(text: str) -> None:
    from markupsafe import escape

    assert formats.breakable(text).replace("<wbr>", "") == str(escape(text))


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_no_two_boxes_of_the_lineage_are_in_one_place(sources: int, models: int, data: st.DataObject) -> None:
    names = [f"s{number}" for number in range(sources)], [f"m{number}" for number in range(models)]
    nodes = [{"name": name, "layer": "source"} for name in names[0]]
    nodes += [{"name": name, "layer": "bronze"} for name in names[1]]
    pairs = st.tuples(st.sampled_from(names[0]), st.sampled_from(names[1]))
    arrows = data.draw(st.lists(pairs, unique=True, max_size=20))

    places = placed({"nodes": nodes, "arrows": [list(pair) for pair in arrows]})

    assert len(places) == sources + models
    for column in (0, 1):
        rows = sorted(row for at, row in places.values() if at == column)
        assert all(after - before >= 1 for before, after in pairwise(rows))
