"""Commands that need no tensor never wait for torch, and --help and --version for no heavy package at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import limbeck
from limbeck.cli import COMMANDS

HEAVY = {"torch._C", "sklearn", "scipy", "pyarrow", "numpy", "PIL", "datasets"}
HELP = """
import contextlib, io, json, sys
from limbeck.cli import main
if len(sys.argv) > 1:
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    assert "limbeck" in said.getvalue()
print(json.dumps(sorted(sys.modules)))
"""
LIGHT = [
    *([name, "--help"] for name in COMMANDS),
    ["list"],
    ["list", "networks"],
    ["list", "recipes", "--published"],
    ["runs"],
    ["runs", "list", "--json"],
    ["runs", "show", "0"],
    ["runs", "clean"],
    ["distill", "digits", "--recipe", "dsa", "--objective.outer", "5", "--help"],
    ["explain", "--probe", "mixing", "--help"],
    ["lits"],
    ["list", "recipe"],
    ["distill", "digitz"],
    ["distill", "digits", "--recipe", "dmm"],
    ["distill", "digits", "--stepz", "3"],
    ["distill", "digits", "--recipe", "dm", "--steps", "many"],
    ["evaluate", "nothing.safetensors"],
    ["explain", "nothing.safetensors", "--prob", "mixing"],
    ["show", "nothing.safetensors", "--out", "grid.png"],
    ["describe", "nothing.safetensors"],
    ["describe", "set.safetensors"],
]
"""Commands of which none computes anything."""
IN_TURN = """
import contextlib, io, json, sys
from limbeck.cli import main
answers = []
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        try:
            code = main(words)
        except SystemExit as ended:
            code = ended.code
    answers.append([code, said.getvalue(), "torch._C" in sys.modules])
print(json.dumps(answers))
"""


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"]], ids=["import", "help", "version"])
def test_heavy_packages_are_not_loaded(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HELP, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert HEAVY.intersection(json.loads(done.stdout.splitlines()[-1])) == set()


def test_commands_that_need_no_tensor_do_not_load_torch(tmp_path: Path) -> None:
    session = limbeck.Session(tmp_path / "runs", workers=1)
    made = limbeck.distill(limbeck.load("digits"), "random", ipc=1, network="convnet-w4-d1", session=session)
    made.save(tmp_path / "set.safetensors")
    command = [sys.executable, "-c", IN_TURN, json.dumps(LIGHT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for words, (code, said, loaded) in zip(LIGHT, json.loads(done.stdout), strict=True):
        done_so = {"--help", "list", "runs", "set.safetensors"} & set(words)
        refused = not done_so or words[1:] in (["recipe"], ["show", "0"])
        assert code == (2 if refused else 0) and said, (words, said)
        assert not loaded, f"{' '.join(words)} loaded torch"
