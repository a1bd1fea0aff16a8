"""The page of documents that were made by hand: its structure, and what must never be in it."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from documents import HEALTH, HTML, customer, day, days, document, empty, product, run

from dataops_cli.report.page import render, summary

VOID = {"meta", "link", "br", "wbr", "input", "img", "hr"}


class Page(HTMLParser):
    """The elements of a page, and its text without the style sheet. Fails on tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words)).replace("\u202f", " ")

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(document(), HEALTH))


def test_it_begins_with_what_matters(page: Page) -> None:
    assert "110 of revenue in 2014 up to 30 June" in page.text
    assert "published 29 Nov 2026, 07:00 UTC" in page.text
    assert "Average order, 12 months 55" in page.text
    assert "Active customers 1 25 % of all" in page.text


def test_every_section_has_its_heading_and_its_link(page: Page) -> None:
    ids = {attributes["id"] for attributes in page.of("h2")}
    assert ids == {"revenue", "channels", "customers", "products", "health", "runs", "lineage"}
    assert {attributes["href"] for attributes in page.of("a")} == {f"#{name}" for name in [*ids, "main"]}
    assert len(page.of("h1")) == 1


def test_who_does_not_see_gets_text_and_tables(page: Page) -> None:
    pictures = page.of("svg")
    assert len(pictures) == 23
    for picture in pictures:
        assert picture["role"] == "img"
        assert len(picture["aria-label"] or "") > 40
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.of("th"))
    assert len(page.of("caption")) == len(page.of("table"))
    assert page.of("html") == [{"lang": "en"}]


def test_nothing_is_loaded_and_nothing_can_be(page: Page) -> None:
    html = render(document(), HEALTH)
    addresses = set(re.findall(r"""["'(](?:https?:)?//[^"')]*""", html))
    assert {address.strip("\"'(") for address in addresses} == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not page.of("script")
    assert "@import" not in html
    assert "url(" not in html
    policy = next(meta["content"] for meta in page.of("meta") if meta.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_the_charts_are_xml_in_the_colours_of_the_page() -> None:
    html = render(document(), HEALTH)
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        colors = {
            value
            for element in ElementTree.fromstring(svg).iter()  # noqa: S314
            for key, value in element.attrib.items()
            if key in ("fill", "stroke")
        }
        assert all(color.startswith(("var(--", "none", "transparent")) for color in colors), colors
        assert len(colors) > 2
    used = set(re.findall(r"var\((--[\w-]+)\)", html))
    assert used <= set(re.findall(r"(--[\w-]+):", html))


def test_names_are_text_wherever_they_come_from() -> None:
    found = document(
        at_risk=[customer(full_name=HTML)],
        products=[product(1, product_name=HTML), product(2, product_name=HTML)],
        categories=[{**document()["gold"]["categories"][0], "category_name": HTML}],
    )
    found["environment"] = HTML
    found["platform"]["published"] |= {"run_id": HTML, "release": HTML}
    found["gold"]["segments"][0]["rfm_segment"] = HTML
    found["platform"]["runs"] = [run(1, status="failed", published=False, reason=HTML, release=HTML)]
    found["platform"]["slowest"] = [{"name": HTML, "kind": "test", "seconds": 1.0}]
    found["platform"]["lineage"]["nodes"][-1]["name"] = HTML
    found["platform"]["lineage"]["arrows"][-1][1] = HTML
    health = {**HEALTH, "checks": [{**HEALTH["checks"][1], "found": HTML, "remedy": HTML}]}  # type: ignore[index]

    html = render(found, health)

    page = Page(html)
    assert not page.of("script")
    assert not page.of("b")
    assert page.text.count("<script>alert('x')") >= 9
    assert "<script" not in html


def test_a_customer_without_a_name_is_a_number() -> None:
    assert "No. 7" in Page(render(document())).text
    assert "Ada Lovelace (7)" in Page(render(document(at_risk=[customer(full_name="Ada Lovelace")]))).text


def test_an_empty_gold_is_said() -> None:
    page = Page(render(empty()))

    assert "No order has been published yet" in page.text
    assert "No product has been sold yet." in page.text
    assert "No run is kept." in page.text
    assert "Health was not looked at for this report. Look now with: dataops health" in page.text
    assert not page.of("svg")
    assert summary(empty())["data_to"] is None


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_few_days_are_drawn(count: int) -> None:
    page = Page(render(document(days=days(date(2014, 2, 27), count))))

    assert "There is no year before to compare with." in page.text
    assert len(page.of("svg")) == 23


def test_days_without_revenue_and_returns_are_drawn() -> None:
    odd = [
        day("2014-01-01", "0", online="0"),
        day("2014-01-02", "-50", online="-50"),
        day("2014-01-03", "0", online="0"),
    ]
    page = Page(render(document(days=odd)))

    assert "\u221250" in page.text


def test_what_failed_comes_first_with_its_remedy(page: Page) -> None:
    assert "Not healthy 1 of 2 checks failed" in page.text
    assert (
        "Fail freshness the newest order is 3 days old → Load it: dataops source load --from <DIR>"
        in page.text
    )
    assert page.text.index("freshness") < page.text.index("1,124 rows")


def test_runs_are_told_with_how_they_ended() -> None:
    found = document()
    found["platform"]["runs"] = [
        run(3, status="running", published=False, seconds=None, finished_at=None),
        run(2, status="failed", published=False, tests_passed=149, reason="fail: days_are_unique"),
        run(1),
    ]
    page = Page(render(found))

    assert "1 of the last 2 runs succeeded." in page.text
    assert "Failed 149 of 150" in page.text
    assert "fail: days_are_unique" in page.text


def test_the_summary_is_exact() -> None:
    rows: list[dict[str, Any]] = [day("2014-06-29", "0.0001"), day("2014-06-30", "20057928.8109")]
    assert str(summary(document(days=rows))["revenue_12_months"]) == "20057928.8110"
