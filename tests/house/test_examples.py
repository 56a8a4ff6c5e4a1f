"""The examples of the README and of the site run as they are printed, from top to bottom, page after page."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from run_page import RUN, Block, blocks
from warm import warm

RUNNER = Path(__file__).parents[1] / "run_page.py"
NOT_RUN = 7
"""How many examples may be for a reader alone: what installs, uploads or asks a cluster."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with warm(tmp_path_factory.mktemp("warm")) as made:
        # As a reader has it: runs are kept in the folder where the examples are.
        yield {name: value for name, value in made.items() if name != "LIMBECK_RUNS"}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of data with noise in place of CIFAR-10, a fortieth as many."""
    root = tmp_path_factory.mktemp("data")
    (root / "cifar-10-batches-bin").mkdir()
    numbers = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        images = numbers.integers(0, 256, (300, 3073), dtype=np.uint8)
        images[:, 0] = np.arange(300) % 10
        (root / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(images.tobytes())
    return str(root)


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


def test_a_block_that_takes_long_is_done_with_options_added_to_its_commands(tmp_path: Path) -> None:
    (tmp_path / "limbeck").write_text('#!/bin/sh\nfor each; do printf "<%s>" "$each"; done\n')
    (tmp_path / "limbeck").chmod(0o755)
    page = '```sh small="b --steps 1; c --added [1]"\nlimbeck a 1 | cat\nlimbeck b "x y" --steps 9\nlimbeck c\n```\n'
    (block,) = blocks(page)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["sh", "-eu"], input=block.script, text=True, capture_output=True, env={"PATH": path})
    assert block.runs and done.stdout == "<a><1><b><x y><--steps><9><--steps><1><c><--added><[1]>"


def test_every_page_of_the_site_is_in_its_navigation(checkout: Path) -> None:
    assert sorted(pages(checkout)) == sorted((checkout / "docs").rglob("*.md"))


def test_few_examples_are_for_a_reader_alone(checkout: Path) -> None:
    read = [checkout / "README.md", *pages(checkout)]
    found = [each for page in read for each in blocks(page.read_text()) if each.words.strip() == "no-run"]
    assert len(found) <= NOT_RUN


def test_the_examples_of_the_readme_run(
    checkout: Path, tmp_path: Path, photographs: str, environment: dict[str, str]
) -> None:
    generator = torch.Generator().manual_seed(0)
    published = torch.randint(256, (10, 3, 32, 32), generator=generator, dtype=torch.uint8)
    torch.save({"images": published, "labels": torch.arange(10)}, tmp_path / "published.pt")
    run(checkout / "README.md", RUN, tmp_path, {**environment, "LIMBECK_DATA": photographs})


def test_the_examples_of_the_site_run(
    checkout: Path, tmp_path: Path, photographs: str, environment: dict[str, str]
) -> None:
    for page in pages(checkout):
        run(page, RUN, tmp_path, {**environment, "LIMBECK_DATA": photographs})
