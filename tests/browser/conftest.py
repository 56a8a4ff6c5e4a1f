"""The browser that pages and the site are tested in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

REQUIRED = os.environ.get("LIMBECK_BROWSER") == "required"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, without a window."""
    where = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if where is None:
        told = "no Chromium here: nothing was tested in a browser (Debian: apt-get install chromium)"
        pytest.fail(told) if REQUIRED else pytest.skip(told)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=where, args=["--no-sandbox"])
        yield launched
        launched.close()
