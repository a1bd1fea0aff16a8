"""The real data, published once; and a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import chromium
from support import Dataops


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

    def open(self, path: Path, width: int, scheme: str, *, on_paper: bool = False) -> None:
        """Load a file anew, as a window that is `width` pixels wide on a machine that is `light` or `dark`, or as a
        sheet of paper of that width."""
        self.driver.get("about:blank")
        self.logs()
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        media = {"media": "print" if on_paper else "", "features": [feature]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
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
    with chromium() as driver:
        yield Browser(driver)
