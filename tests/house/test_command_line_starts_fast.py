"""Asking for help never waits for the heavy packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "sklearn", "scipy", "pyarrow", "numpy", "PIL", "datasets"}
HELP = """
import contextlib, io, json, sys
from limbeck.cli import main
if len(sys.argv) > 1:
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    assert "limbeck" in said.getvalue()
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["import", "help"])
def test_heavy_packages_are_not_loaded(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HELP, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert HEAVY.intersection(json.loads(done.stdout.splitlines()[-1])) == set()
