"""The real data, published once; and a browser."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import Dataops

CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)


@pytest.fixture(scope="session")
def published(
    tmp_path_factory: pytest.TempPathFactory,
    new_platform: Callable[[Path], Path],
    dataops_here: Dataops,
    adventureworks: Path,
) -> Path:
    """A platform that has published the real AdventureWorks."""
    folder = new_platform(tmp_path_factory.mktemp("report") / "platform")
    for command in (("source", "load", "--from", adventureworks), ("run",)):
        done = dataops_here(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


class Browser:
    """Chromium with a window of its own size and colours, and what it logs."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path, width: int, scheme: str) -> None:
        """Load a file anew, as a window that is `width` pixels wide on a machine that is `light` or `dark`."""
        self.driver.get("about:blank")
        self.logs()
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(path.as_uri())

    def ask(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def logs(self) -> tuple[list[str], list[str]]:
        """Since the last time: the addresses that were asked for, and all that the page complains of."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return asked, [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium. DATAOPS_TEST_BROWSER=1 is a promise: where it is set, there must be one."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        webdriver = None
    if not (chromium and chromedriver and webdriver):
        missing = "no browser: install Debian's chromium and chromium-driver, and Python's selenium"
        if os.environ.get("DATAOPS_TEST_BROWSER") == "1":
            pytest.fail(f"DATAOPS_TEST_BROWSER promises one, but there is {missing}")
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in [*CHROMIUM.split(), f"--user-data-dir={profile}"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
        try:
            yield Browser(driver)
        finally:
            driver.quit()
