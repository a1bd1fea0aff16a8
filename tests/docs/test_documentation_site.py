"""dbt's documentation site, built, served, and read in a real browser."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from browser import chromium
from support import ROOT, Dataops, clean_environment

pytestmark = pytest.mark.slow

GOLD = {
    model["name"]: model
    for path in sorted((ROOT / "dbt" / "models" / "gold").glob("gld_*.yml"))
    for model in yaml.safe_load(path.read_text())["models"]
}
MODELS = {path.stem for path in (ROOT / "dbt" / "models").glob("*/*.sql")}
SOURCES = {
    f"{source['name']}.{table['name']}"
    for source in yaml.safe_load((ROOT / "dbt/models/sources/adventureworks.yml").read_text())["sources"]
    for table in source["tables"]
}
GRAPH = "angular.element(document.body).injector().get('graph')"


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path], dataops_here: Dataops
) -> Path:
    """A platform whose nine models have been published once."""
    folder = new_platform(tmp_path_factory.mktemp("docs") / "platform")
    for command in (("source", "generate", "--scale", "0.01"), ("run",)):
        done = dataops_here(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def served(platform: Path) -> Iterator[dict[str, str]]:
    """The record of a `dataops docs serve` that runs meanwhile, until Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "docs", "serve", "--port", "0", "--json"],
        cwd=platform,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            try:
                stdout, stderr = process.communicate(timeout=60)
            finally:
                process.kill()
    assert (process.returncode, stdout, stderr) == (0, "", "Stopped.\n")


class Browser:
    """Chromium, and what it logs."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Load the page anew: a change of what follows the # alone would not."""
        self.driver.get("about:blank")
        self.logs()
        self.driver.get(url)

    def wait_for(self, script: str) -> Any:
        """The script's value, as soon as it is something."""
        from selenium.common.exceptions import JavascriptException
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.driver, 120, 0.1, ignored_exceptions=[JavascriptException])
        return wait.until(lambda driver: driver.execute_script(script), f"never: {script}")

    def logs(self) -> tuple[list[str], list[str]]:
        """Since the last time: the addresses that were asked for over the network, and the page's errors."""
        asked: dict[str, str] = {}
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            of = event["params"]
            if event["method"] == "Network.requestWillBeSent":
                asked[f"{of['requestId']} {len(asked)}"] = of["request"]["url"]
            elif event["method"] == "Network.loadingFailed" and of.get("blockedReason") == "csp":
                asked = {key: url for key, url in asked.items() if key.split()[0] != of["requestId"]}
        # dbt's page asks for pictures by names that it has not filled in yet: harmless, and not found.
        errors = [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and not (entry["source"] == "network" and "404" in entry["message"])
        ]
        return [url for url in asked.values() if not url.startswith(("data:", "chrome:", "about:"))], errors

    def graph(self) -> tuple[dict[str, dict[str, float]], set[tuple[str, str]]]:
        """The lineage graph as it is drawn: each label's box in pixels, and the arrows."""
        boxes, arrows = self.wait_for(
            f"const graph = {GRAPH}.graph_element;"
            "return graph && graph.nodes().length && ["
            "  graph.nodes(':visible').map(n => [n.data('label'), n.renderedBoundingBox()]),"
            "  graph.edges(':visible').map(e => [e.source().data('label'), e.target().data('label')])]"
        )
        return dict(boxes), {(source, target) for source, target in arrows}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--window-size=1600,1000") as driver:
        yield Browser(driver)


def _assert_readable(boxes: dict[str, dict[str, float]]) -> None:
    """The labels are of a size to read, inside the window, and none covers another."""
    placed = list(boxes.values())
    for number, box in enumerate(placed):
        assert box["h"] > 20
        assert 0 <= box["x1"] < box["x2"] <= 1600
        assert 0 <= box["y1"] < box["y2"] <= 1000
        assert not any(
            box["x1"] < other["x2"]
            and other["x1"] < box["x2"]
            and box["y1"] < other["y2"]
            and other["y1"] < box["y2"]
            for other in placed[:number]
        )


def test_the_lineage_graph_shows_all_models_and_sources(browser: Browser, served: dict[str, str]) -> None:
    browser.open(served["url"] + "#!/overview?g_v=1")

    boxes, arrows = browser.graph()

    assert set(boxes) == MODELS | SOURCES
    _assert_readable(boxes)
    assert {
        ("sales.SalesOrderHeader", "brnz_sales_orders"),
        ("brnz_sales_orders", "slvr_sales_orders"),
        ("slvr_sales_orders", "gld_sales_summary"),
    } <= arrows
    assert not any(source.startswith("brnz_") and target.startswith("gld_") for source, target in arrows)
    asked, errors = browser.logs()
    assert not errors
    assert f"{served['url']}manifest.json" in {url.split("?")[0] for url in asked}
    assert not [url for url in asked if not url.startswith(served["url"])]


@pytest.mark.parametrize("name", GOLD)
def test_a_gold_model_has_its_description_columns_and_lineage(
    name: str, browser: Browser, served: dict[str, str]
) -> None:
    browser.open(f"{served['url']}#!/model/model.dataops.{name}")

    text = browser.wait_for("return document.querySelector('.app-details').innerText")
    shown = browser.wait_for(
        "return [...document.querySelectorAll('column-details tr.column-row')].map(row => "
        "[...row.querySelectorAll('td')].map(cell => cell.textContent.trim()))"
    )
    browser.driver.execute_script("document.querySelector('.launcher-btn a').click()")
    browser.wait_for(f"return {GRAPH}.orientation == 'sidebar' && {GRAPH}.expanded")
    near, _ = browser.graph()
    browser.driver.execute_script("document.querySelector('[ng-click=\"showExpanded()\"]').click()")
    browser.wait_for(
        f"return {GRAPH}.orientation == 'fullscreen' && {GRAPH}.graph_element.nodes().length > 6"
    )
    whole, _ = browser.graph()

    assert GOLD[name]["description"] in text
    assert [(row[0], row[2]) for row in shown] == [
        (column["name"], column["description"]) for column in GOLD[name]["columns"]
    ]
    assert {name, "slvr_sales_orders"} <= set(near) <= MODELS
    assert {name, "brnz_sales_orders", "sales.SalesOrderDetail"} <= set(whole) <= MODELS | SOURCES
    asked, errors = browser.logs()
    assert not errors
    assert not [url for url in asked if not url.startswith(served["url"])]


def test_nothing_leaves_where_dbts_usage_statistics_are_on(
    browser: Browser, platform: Path, served: dict[str, str]
) -> None:
    """dbt's page then loads a tracker from elsewhere; this project switches the statistics off."""
    manifest = platform / ".dataops" / "local" / "docs" / "manifest.json"
    written = manifest.read_text()
    tracked = json.loads(written)
    assert tracked["metadata"]["send_anonymous_usage_stats"] is False
    tracked["metadata"]["send_anonymous_usage_stats"] = True
    manifest.write_text(json.dumps(tracked))
    try:
        browser.open(served["url"] + "#!/overview?g_v=1")
        browser.wait_for("return typeof window.snowplow == 'function'")
        boxes, _ = browser.graph()
    finally:
        manifest.write_text(written)

    asked, errors = browser.logs()
    assert set(boxes) == MODELS | SOURCES
    assert not [url for url in asked if not url.startswith(served["url"])]
    assert len(errors) == 1
    assert "cloudfront.net" in errors[0]
    assert "Content Security Policy" in errors[0]


def test_the_page_cannot_reach_another_host(browser: Browser, served: dict[str, str]) -> None:
    browser.open(served["url"])
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.5)
        address = f"http://127.0.0.1:{other.getsockname()[1]}/"
        browser.driver.execute_async_script(
            "const [address, done] = arguments;"
            "new Image().src = address;"
            "document.head.append(Object.assign(document.createElement('script'), {src: address}));"
            "fetch(address).then(done, done)",
            address,
        )
        with pytest.raises(TimeoutError):
            other.accept()


def test_it_is_served_on_this_computer_only(served: dict[str, str]) -> None:
    port = int(served["url"].rstrip("/").rpartition(":")[2])

    assert served["url"] == f"http://127.0.0.1:{port}/"
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    # All of 127.0.0.0/8 is this computer, so a server on every address would answer here too.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_browser_that_leaves_early_is_no_error(served: dict[str, str]) -> None:
    """The server says nothing about it: `served` looks at what it wrote."""
    port = int(served["url"].rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(b"GET /manifest.json HTTP/1.0\r\n\r\n")
        assert connection.recv(1)


def test_build_writes_the_site_of_the_last_run(platform: Path, dataops_here: Dataops) -> None:
    done = dataops_here("docs", "build", "--json", cwd=platform)

    assert done.returncode == 0, done.stderr
    built = json.loads(done.stdout)
    site = platform / built["site"]
    assert {path.name for path in site.iterdir()} == {"index.html", "manifest.json", "catalog.json"}
    run = platform / ".dataops" / "local" / "runs" / built["run_id"]
    for name in ("manifest.json", "catalog.json"):
        assert (site / name).read_bytes() == (run / name).read_bytes()


def test_a_taken_port_is_said_with_a_way_out(
    platform: Path, served: dict[str, str], dataops_here: Dataops
) -> None:
    port = served["url"].rstrip("/").rpartition(":")[2]

    done = dataops_here("docs", "serve", "--port", port, cwd=platform)

    assert done.returncode == 3
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "dataops docs serve --port 0" in done.stderr


@pytest.mark.parametrize("command", ["build", "serve"])
def test_without_a_run_there_is_no_documentation(
    command: str, tmp_path: Path, new_platform: Callable[[Path], Path], dataops_here: Dataops
) -> None:
    done = dataops_here("docs", command, cwd=new_platform(tmp_path / "platform"))

    assert done.returncode == 3
    assert "No run has written documentation yet" in done.stderr
    assert "dataops run" in done.stderr
