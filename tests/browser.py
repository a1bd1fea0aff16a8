"""A real browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)


@contextmanager
def chromium(*arguments: str) -> Iterator[Any]:
    """Selenium's driver of Debian's chromium, with a profile of its own; it logs what pages ask for and complain of.

    DATAOPS_TEST_BROWSER=1 is a promise: where it is set, there must be one.
    """
    browser, driver_of_it = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        webdriver = None
    if not (browser and driver_of_it and webdriver):
        missing = "no browser: install Debian's chromium and chromium-driver, and Python's selenium"
        if os.environ.get("DATAOPS_TEST_BROWSER") == "1":
            pytest.fail(f"DATAOPS_TEST_BROWSER promises one, but there is {missing}")
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for argument in [*CHROMIUM.split(), *arguments, f"--user-data-dir={profile}"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_of_it))
        try:
            yield driver
        finally:
            driver.quit()
