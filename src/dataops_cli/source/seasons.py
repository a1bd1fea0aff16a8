"""When orders come: how many a month online, and on which days resellers order, at scale 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from dataops_cli.source.draws import Stream

FIRST_DAY = date(2011, 5, 31)
LAST_DAY = date(2014, 6, 30)

# The assortment changed on these days; from June 2014 on only small goods were sold.
PERIOD_STARTS = (FIRST_DAY, date(2012, 5, 30), date(2013, 5, 30), date(2014, 6, 1))

_ONLINE_BY_MONTH = {
    2011: {5: 5, 6: 141, 7: 156, 8: 150, 9: 157, 10: 174, 11: 230, 12: 188},
    2012: {1: 193, 2: 182, 3: 219, 4: 201, 5: 221, 6: 251, 7: 274, 8: 212, 9: 219, 10: 207, 11: 318, 12: 246},
    2013: {
        1: 294,
        2: 251,
        3: 307,
        4: 326,
        5: 333,
        6: 533,
        7: 1564,
        8: 1690,
        9: 1612,
        10: 1792,
        11: 2007,
        12: 1875,
    },
    2014: {1: 1966, 2: 1753, 3: 2128, 4: 2113, 5: 2232, 6: 939},
}

# Resellers order together, where a month begins or ends.
_RESELLER_DAYS = """
    2011-05-31 38   2011-07-01 75   2011-08-01 60   2011-08-31 40   2011-10-01 90   2011-10-31 63
    2011-12-01 40   2012-01-01 79   2012-01-29 64   2012-02-29 37   2012-03-30 85   2012-04-30 68
    2012-05-30 72   2012-06-30 139  2012-07-31 111  2012-08-30 73   2012-09-30 133  2012-10-30 114
    2012-11-30 65   2012-12-31 132  2013-01-28 106  2013-02-28 74   2013-03-30 134  2013-04-30 102
    2013-05-30 95   2013-06-30 186  2013-07-31 176  2013-08-30 99   2013-09-30 179  2013-10-30 176
    2013-11-30 96   2013-12-31 175  2014-01-28 90   2014-01-29 85   2014-02-28 3    2014-03-01 91
    2014-03-31 180  2014-04-30 2    2014-05-01 179
"""


@dataclass(frozen=True)
class Batch:
    """The orders of one channel on one day. `period` counts from 1."""

    day: date
    is_online: bool
    period: int
    orders: int


def batches(stream: Stream) -> list[Batch]:
    """All batches by day; online orders are spread over the days of a month as the stream says."""
    resellers = dict(_reseller_days())
    result: list[Batch] = []
    for day, orders in _online_days(stream):
        if day in resellers:
            result.append(Batch(day, False, period(day), resellers[day]))
        if orders:
            result.append(Batch(day, True, period(day), orders))
    return result


def period(day: date) -> int:
    return sum(start <= day for start in PERIOD_STARTS)


def _reseller_days() -> Iterator[tuple[date, int]]:
    words = _RESELLER_DAYS.split()
    for day, orders in zip(words[0::2], words[1::2], strict=True):
        yield date.fromisoformat(day), int(orders)


def _online_days(stream: Stream) -> Iterator[tuple[date, int]]:
    for year, months in _ONLINE_BY_MONTH.items():
        for month, orders in months.items():
            days = _days_of(year, month)
            weights = [80 + stream.number(day.toordinal()) % 41 for day in days]
            yield from zip(days, spread(orders, weights), strict=True)


def _days_of(year: int, month: int) -> list[date]:
    day = max(date(year, month, 1), FIRST_DAY)
    days = []
    while day.month == month and day <= LAST_DAY:
        days.append(day)
        day += timedelta(days=1)
    return days


def spread(total: int, weights: list[int]) -> list[int]:
    """`total` in whole parts in proportion to the weights; the parts add up to it."""
    whole = sum(weights)
    parts, before, until = [], 0, 0
    for weight in weights:
        until += weight
        share = total * until // whole
        parts.append(share - before)
        before = share
    return parts
