"""The architecture's one rule about imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LINT = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command(sys.argv[1:])"


def test_imports_point_downwards_only(checkout: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", LINT, "--no-logo", "--cache-dir", str(tmp_path)],
        cwd=checkout,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout
