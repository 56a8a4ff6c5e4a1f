"""The examples of the README run as they are printed, from top to bottom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def examples(page: str) -> str:
    """The Python of a page, every line at its own number; all other lines are empty."""
    program, inside = [], False
    for line in page.splitlines():
        inside = inside and line.strip() != "```"
        program.append(line if inside else "")
        inside = inside or line.strip() == "```python"
    return "\n".join(program) + "\n"


def test_lines_of_examples_keep_their_numbers() -> None:
    assert examples("Text\n```python\na = 1\n```\n```sh\nls\n```\n```python\nb = a\n```\n") == (
        "\n\na = 1\n\n\n\n\n\nb = a\n\n"
    )


def test_the_examples_of_the_readme_run(checkout: Path, tmp_path: Path) -> None:
    program = examples((checkout / "README.md").read_text())
    if not program.strip():
        pytest.skip("README.md holds no Python example")
    (tmp_path / "readme.py").write_text(program)
    done = subprocess.run([sys.executable, "readme.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
