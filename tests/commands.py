"""Commands of processes that begin where torch is loaded already: many of them take the time of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

DRIVER = """
import contextlib, io, json, os, runpy, sys, traceback
import torch

for line in sys.stdin:
    arguments = json.loads(line)
    sent, kept = os.pipe()
    child = os.fork()
    if not child:
        said, complained, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            try:
                how, name, *sys.argv[1:] = arguments
                runpy.run_module(name, run_name="__main__", alter_sys=True) if how == "-m" else exec(name, {})
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                traceback.print_exc()
                code = 1
        with open(kept, "w") as answer:
            json.dump([code, said.getvalue(), complained.getvalue()], answer)
        os._exit(0)
    os.close(kept)
    with open(sent) as answer:
        print(answer.read(), flush=True)
    os.waitpid(child, 0)
"""


class Done(NamedTuple):
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


class Python:
    """Runs `python -m MODULE WORDS` or `python -c CODE`, each in a process of its own, where torch is loaded."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, *arguments: str) -> Done:
        """What `python ARGUMENTS` came to."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return Done(*json.loads(self._process.stdout.readline()))


@contextmanager
def python_in(folder: Path, environment: Mapping[str, str]) -> Iterator[Python]:
    """Commands in a folder whose modules they find."""
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", DRIVER]
    settings = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    with subprocess.Popen(
        command, cwd=folder, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Python(process)
        assert process.stdin
        process.stdin.close()
