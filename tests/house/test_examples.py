"""The examples of the README and of the site run as they are printed, from top to bottom, page after page."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from run_page import Block, blocks
from warm import warm

RUNNER = Path(__file__).parents[1] / "run_page.py"
NOT_RUN = 12
"""How many examples of the site may be for a reader alone."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with warm(tmp_path_factory.mktemp("warm")) as made:
        # As a reader has it: runs are kept in the folder where the examples are.
        yield {name: value for name, value in made.items() if name != "LIMBECK_RUNS"}


def listed(entries: object) -> Iterator[str]:
    """The pages of a navigation, in its order."""
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, list | dict):
        for each in entries.values() if isinstance(entries, dict) else entries:
            yield from listed(each)


def pages(checkout: Path) -> list[Path]:
    """The pages of the site that are in the source tree, as a reader who turns them one by one sees them."""
    navigation = yaml.safe_load((checkout / "mkdocs.yml").read_text())["nav"]
    return [place for name in listed(navigation) if (place := checkout / "docs" / name).exists()]


def run(page: Path, languages: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
    words = ["python", str(RUNNER), str(page), *languages]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{page.name}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"


def test_blocks_keep_their_lines_and_say_what_they_are() -> None:
    page = 'Text\n```python\na = 1\n```\n```sh no-run\nls\n```\n```toml title="a/b.toml"\nx = 1\n```\n'
    first, second, third = blocks(page)
    assert first == Block("python", "", 3, "a = 1\n") and first.runs
    assert second.line == 6 and not second.runs
    assert third.file == "a/b.toml" and not third.runs


def test_every_page_of_the_site_is_in_its_navigation(checkout: Path) -> None:
    assert sorted(pages(checkout)) == sorted((checkout / "docs").rglob("*.md"))


def test_few_examples_are_for_a_reader_alone(checkout: Path) -> None:
    found = [each for page in pages(checkout) for each in blocks(page.read_text()) if each.words.strip() == "no-run"]
    assert len(found) <= NOT_RUN


def test_the_examples_of_the_readme_run(checkout: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    run(checkout / "README.md", ("python",), tmp_path, environment)


def test_the_examples_of_the_site_run(checkout: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    for page in pages(checkout):
        run(page, ("sh", "python"), tmp_path, environment)
