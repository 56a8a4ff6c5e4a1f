"""What is installed from the wheel is what is in the source tree, and works away from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORT_ALL = """
import importlib, json, sys
print(json.dumps({name: importlib.import_module(name).__file__ for name in sys.argv[1:]}))
"""


def run(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    """What a Python process prints; its complaints, where it fails."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing else."""
    built, place = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("installed")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", built, checkout, cwd=built)
    (wheel,) = built.glob("*.whl")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", place, wheel, cwd=built)
    return place


def test_the_wheel_holds_every_file_of_the_package(checkout: Path, installed: Path) -> None:
    def files(root: Path) -> set[str]:
        found = (file for file in (root / "limbeck").rglob("*") if file.is_file())
        return {file.relative_to(root).as_posix() for file in found if "__pycache__" not in file.parts}

    assert files(installed) == files(checkout / "src")
    assert "limbeck/py.typed" in files(installed)


def test_every_module_imports_from_the_wheel_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    modules = [
        ".".join(file.relative_to(installed).with_suffix("").parts).removesuffix(".__init__")
        for file in sorted((installed / "limbeck").rglob("*.py"))
        if file.stem != "__main__"
    ]
    places = json.loads(run("-c", IMPORT_ALL, *modules, cwd=tmp_path, PYTHONPATH=str(installed)))
    assert {name for name, file in places.items() if not Path(file).is_relative_to(installed)} == set()


def test_the_wheel_carries_its_licence_and_its_command(installed: Path) -> None:
    (about,) = installed.glob("limbeck-*.dist-info")
    assert "Apache License" in (about / "licenses" / "LICENSE").read_text()
    assert "limbeck = limbeck.cli:main" in (about / "entry_points.txt").read_text()
    assert "License-Expression: Apache-2.0" in (about / "METADATA").read_text()
