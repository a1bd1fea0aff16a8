"""The report in a real browser: on a desktop and on a phone, by day and by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from documents import HEALTH, HTML, customer, document, empty, product, run

from dataops_cli.report.page import render
from support import Dataops

pytestmark = pytest.mark.slow

WINDOWS = [(1280, "light"), (1280, "dark"), (768, "light"), (390, "light"), (390, "dark"), (320, "light")]

# Of each chart that is shown: how many shapes it has, whether it is inside the window, whether any colour is missing.
CHARTS = """[...document.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).map(svg => {
    const box = svg.getBoundingClientRect();
    const shapes = [...svg.querySelectorAll('path, line, rect, text')].filter(shape => {
        const style = getComputedStyle(shape), size = shape.getBoundingClientRect();
        return (style.fill != 'none' || style.stroke != 'none') && size.width + size.height > 1;
    });
    return {
        shapes: shapes.length,
        left: box.left, right: box.right, height: box.height,
        outside: shapes.filter(shape => {
            const size = shape.getBoundingClientRect();
            return size.left < 0 || size.right > innerWidth;
        }).map(shape => shape.outerHTML),
    };
})"""

# Text that is painted in nearly the colour of what is behind it.
UNREADABLE = """(() => {
    const light = color => {
        const parts = color.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
            .map(part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (!/, 0\\)$|transparent/.test(color)) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    return [...document.querySelectorAll('h1,h2,h3,p,li,dt,dd,dd span,th,td,a,summary,caption,svg text')].filter(element => {
        if (!element.checkVisibility() || !element.textContent.trim()) return false;
        if (element.classList.contains('skip') || element.closest('.wide-only svg')) return false;
        const svg = element.tagName == 'text', style = getComputedStyle(element);
        const [a, b] = [light(svg ? style.fill : style.color), light(behind(svg ? element.closest('figure') : element))];
        return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5;
    }).map(element => element.outerHTML.slice(0, 200));
})()"""


@pytest.fixture(scope="module")
def real(published: Path, dataops_here: Dataops) -> Path:
    """The report of the real data."""
    done = dataops_here("report", "--names", cwd=published)
    assert done.returncode == 0, done.stderr
    return published / ".dataops" / "local" / "report.html"


def _check(browser: Any, path: Path, width: int, scheme: str) -> list[dict[str, Any]]:
    """What goes for any report. Returns its charts."""
    browser.open(path, width, scheme)
    browser.driver.execute_script("document.querySelectorAll('details').forEach(it => it.open = true)")

    assert browser.ask("innerWidth") == width
    assert browser.ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    # Tables may be moved sideways in themselves where a window is narrower than a phone.
    sideways = "[...document.querySelectorAll('.rows')].filter(it => it.scrollWidth > it.clientWidth + 1)"
    assert width < 390 or browser.ask(f"{sideways}.map(it => it.textContent.slice(0, 60))") == []
    assert browser.ask(UNREADABLE) == []
    charts: list[dict[str, Any]] = browser.ask(CHARTS)
    for chart in charts:
        assert chart["shapes"] > 4
        assert chart["height"] >= 40
        assert chart["outside"] == []
    asked, complaints = browser.logs()
    assert [url for url in asked if url not in ("data:,", path.as_uri())] == []
    assert complaints == []
    return charts


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_the_real_report_fits_and_is_drawn(browser: Any, real: Path, width: int, scheme: str) -> None:
    charts = _check(browser, real, width, scheme)

    # On a phone, the lineage is a table.
    assert len(charts) == (9 if width < 640 else 10)
    dark = browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(15, 21, 28)"
    assert dark == (scheme == "dark")


def test_on_paper_it_is_no_phone(browser: Any, real: Path) -> None:
    """What a sheet of A4 has room for, less its margins: by day, with the drawings of a desk and all columns."""
    browser.open(real, 717, "dark", on_paper=True)
    widths = browser.ask(
        "[...document.querySelectorAll('svg')].filter(it => it.checkVisibility()).map(it => it.parentElement.className)"
    )

    assert len(widths) == 10
    assert "at620" in widths
    assert browser.ask("document.querySelector('.table:not(.half) .minor').checkVisibility()")
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth")
    assert browser.ask("getComputedStyle(document.body).color") == "rgb(27, 37, 48)"
    assert [chart["outside"] for chart in browser.ask(CHARTS)] == [[]] * 10


@pytest.mark.parametrize("width", [1280, 390])
def test_an_awkward_report_fits(browser: Any, tmp_path: Path, width: int) -> None:
    long = "Wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
    found = document(
        at_risk=[customer(full_name=HTML), customer(full_name=long * 3)],
        products=[product(1, product_name=HTML), product(2, product_name=long)],
    )
    found["platform"]["runs"] = [
        run(number, status="failed", published=False, reason=f"fail: {long}") for number in range(20)
    ]
    path = tmp_path / "report.html"
    path.write_text(render(found, HEALTH), encoding="utf-8")

    _check(browser, path, width, "light")

    assert browser.ask("document.querySelectorAll('script').length") == 0
    names = browser.ask("[...document.querySelectorAll('tbody th')].map(cell => cell.textContent)")
    assert f"{HTML} (7)" in names


@pytest.mark.parametrize("width", [1280, 390])
def test_an_empty_report_fits(browser: Any, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(empty()), encoding="utf-8")

    assert _check(browser, path, width, "dark") == []


def test_all_can_be_reached_with_the_keyboard(browser: Any, real: Path) -> None:
    """Tab goes through the links and what can be unfolded, in order, and Enter unfolds it."""
    from selenium.webdriver.common.keys import Keys

    browser.open(real, 1280, "light")
    wanted = browser.ask("[...document.querySelectorAll('a, summary')].length")
    met = []
    for _ in range(wanted):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        met.append(browser.ask("document.activeElement.textContent"))

    assert met[0] == "To the figures"
    assert met == browser.ask("[...document.querySelectorAll('a, summary')].map(it => it.textContent)")
    was_open = browser.ask("document.activeElement.parentElement.open")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.ask("document.activeElement.parentElement.open") is not was_open


def test_the_accessibility_tree_has_headings_tables_and_pictures(browser: Any, real: Path) -> None:
    browser.open(real, 1280, "light")
    nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    shown = [node for node in nodes if not node["ignored"]]
    named = {
        role: [node["name"]["value"] for node in shown if node["role"]["value"] == role]
        for role in ("heading", "table", "image", "navigation")
    }

    assert "Daily revenue" in named["heading"]
    assert any(name.startswith("The 10 most valuable customers") for name in named["table"])
    assert len(named["image"]) == 10
    assert all(len(name) > 40 for name in named["image"])
    assert named["navigation"] == ["Sections"]
