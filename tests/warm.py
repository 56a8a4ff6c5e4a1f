"""Python that begins with torch in memory: a process that does in copies of itself what is asked for on a socket.

A command of a page takes two seconds to import torch, and a page has many. `warm(folder)` puts `python`, `limbeck` and
`pip` into `folder/bin`, small programs that hand their words, environment, folder and streams on to a copy of the warm
process. `pip install ./FOLDER` puts the modules and entry points of a package where Python finds them, as an installer
would.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLIENT = """#!{python} -SE
import json, os, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
words = json.dumps([{program!r}, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(asked, [len(words).to_bytes(8, "big")], [0, 1, 2])
asked.sendall(words)
told = asked.recv(1)
sys.exit(told[0] if told else 70)
"""


@contextmanager
def warm(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which `python`, `limbeck` and `pip` begin warm; its packages lie in `folder/packages`."""
    address, programs, packages = str(folder / "socket"), folder / "bin", folder / "packages"
    programs.mkdir(parents=True)
    packages.mkdir()
    for program in ("python", "limbeck", "pip"):
        place = programs / program
        place.write_text(CLIENT.format(python=sys.executable, address=address, program=program))
        place.chmod(0o755)
    source = os.environ.get("PYTHONPATH", "")
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": ":".join(filter(None, [str(packages), source])),
    }
    process = subprocess.Popen(
        [sys.executable, __file__, address, str(programs / "python")], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield environment
    finally:
        process.kill()
        process.wait()


def serve(address: str, python: str) -> None:
    """Answer until the process is killed."""
    # What takes long to import. Nothing of limbeck's: what a copy imports sees its own environment.
    import pyarrow.parquet  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import torch

    torch.set_num_threads(1)
    # The processes that copies start begin warm, too.
    sys.executable = python
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(16)
    print("ready", flush=True)
    while True:
        asked, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = _answer(asked)
            asked.sendall(bytes([code & 255]))
            os._exit(0)
        asked.close()


def _answer(asked: socket.socket) -> int:
    """Do what is asked, in this process, and give its exit code."""
    length, streams, _, _ = socket.recv_fds(asked, 8, 3)
    size, text = int.from_bytes(length, "big"), b""
    while len(text) < size:
        text += asked.recv(size - len(text))
    program, words, folder, environment = json.loads(text)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, (0, 1, 2), "rww")
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0:1] = [place for place in environment.get("PYTHONPATH", "").split(":") if place not in ("", sys.path[0])]
    try:
        {"python": _python, "limbeck": _limbeck, "pip": _pip}[program](words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _python(words: list[str]) -> None:
    sys.argv = words[words[0] == "-m" :]
    if words[0] == "-m":
        sys.path.insert(0, os.getcwd())
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(words[0]).absolute().parent))
        runpy.run_path(words[0], run_name="__main__")


def _limbeck(words: list[str]) -> None:
    from limbeck.cli import main

    sys.argv = ["limbeck", *words]
    sys.exit(main(words))


def _pip(words: list[str]) -> None:
    """`pip install ./FOLDER` of a package of single modules, from what its pyproject.toml says."""
    _, place = words
    project = tomllib.loads((Path(place) / "pyproject.toml").read_text())["project"]
    packages = Path(os.environ["PYTHONPATH"].split(":")[0])
    for module in Path(place).glob("*.py"):
        shutil.copy(module, packages)
    info = packages / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (info / "top_level.txt").write_text("".join(f"{module.stem}\n" for module in Path(place).glob("*.py")))
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in named.items())
        for group, named in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))


if __name__ == "__main__":
    serve(*sys.argv[1:])
