"""The site of the documentation builds without a warning, has no dead link, loads nothing, and axe finds no fault."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

PAGES = ("index.html", "how-to/own-method.html", "reference/python.html")
"""A table and code, everything a page of prose has, and what is made of docstrings."""


class Links(HTMLParser):
    """What a page points at, what it loads, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.places |= {named[name] for name in ("id", "name") if name in named}
        if tag == "a" and "href" in named:
            self.targets.append(named["href"])
        elif tag == "link" and named.get("rel") != "canonical":
            self.loaded.append(named["href"])
        elif "src" in named:
            self.loaded.append(named["src"])


@pytest.fixture(scope="module")
def site(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place


def test_every_link_of_the_site_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {page: Links(page.read_text("utf-8")) for page in site.rglob("*.html") if page.name != "404.html"}
    dead, foreign = [], []
    for page, links in pages.items():
        for link in [*links.targets, *links.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                foreign += [f"{page.name}: {link}"] * (link in links.loaded and parts.scheme != "data")
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            place = unquote(parts.fragment)
            if not target.is_file() or (target in pages and place and place not in pages[target].places):
                dead.append(f"{page.relative_to(site)}: {link}")
    assert len(pages) > 15
    assert dead == [] and foreign == []


def test_every_public_name_and_every_command_has_its_place(site: Path) -> None:
    import limbeck
    from limbeck.cli import COMMANDS

    python = Links((site / "reference/python.html").read_text("utf-8")).places
    assert {f"limbeck.{name}" for name in limbeck.__all__} <= python
    commands = Links((site / "reference/command-line.html").read_text("utf-8")).places
    assert {f"limbeck-{name}" for name in COMMANDS} <= commands


def test_links_of_the_readme_lead_somewhere(checkout: Path) -> None:
    linked = re.findall(r"\]\(([^)#]+)[^)]*\)", (checkout / "README.md").read_text("utf-8"))
    assert [link for link in linked if "://" not in link and not (checkout / link).exists()] == []


def test_three_pages_fit_a_phone_load_nothing_and_axe_finds_no_serious_violation(browser: Any, site: Path) -> None:
    axe = next(files("axe_playwright_python").rglob("axe.min.js")).read_text("utf-8")
    for number, name in enumerate(PAGES):
        tab = browser.new_page(viewport={"width": 390, "height": 900}, color_scheme=("light", "dark")[number % 2])
        asked: list[str] = []
        tab.on("request", lambda request, asked=asked: asked.append(request.url))
        tab.goto((site / name).as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        tab.evaluate(axe)
        told = tab.evaluate("axe.run({exclude: [['.doc-contents .doc-contents']]}, {resultTypes: ['violations']})")
        serious = [
            (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
            for each in told["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
        assert len(told["passes"]) > 10
        tab.close()
