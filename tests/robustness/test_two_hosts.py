"""Two hosts share one folder of runs and nothing else: names, process numbers, networks and temporary folders differ.

They are namespaces of this machine, which takes the right to make them (root, or user namespaces).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PIECES = 8
APART = ["unshare", "--uts", "--pid", "--net", "--mount", "--fork", "--kill-child"]
SCRIPT = """
import json, os, platform, sys, tempfile, time
from pathlib import Path

import torch

from limbeck.core.errors import InputError
from limbeck.runs.claims import claimed
from limbeck.runs.store import Store

shared, own, other, pieces = Path("/mnt"), sys.argv[1], sys.argv[2], int(sys.argv[3])
assert platform.node() == own and not os.listdir(tempfile.gettempdir())
Path(tempfile.gettempdir(), "of-" + own).touch()


def met(name):
    # Both are there: each leaves a file, and waits for that of the other.
    (shared / (name + own)).touch()
    while not (shared / (name + other)).exists():
        time.sleep(0.01)


def piece(number):
    def make():
        with open(shared / "made", "a") as made:
            made.write(f"{number} {own}\\n")
        return {"x": torch.full((3,), float(number))}

    return make


store, kept = Store(shared / "runs"), []
met("begun-")
for number in range(pieces):
    kept.append(store.remember({"piece": number}, piece(number))["x"].tolist())
met("remembered-")
said = ""
if own == "north":
    with claimed(shared / "run.claim", "run 7"):
        met("held-")
        met("refused-")
else:
    met("held-")
    try:
        with claimed(shared / "run.claim", "run 7"):
            pass
    except InputError as error:
        said = str(error)
    met("refused-")
print(json.dumps({"kept": kept, "said": said, "here": os.listdir(tempfile.gettempdir())}))
"""


def allowed() -> bool:
    """Whether namespaces can be made here."""
    try:
        return subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def host(shared: Path, own: str, other: str) -> subprocess.Popen[str]:
    """A host of that name, whose /mnt is the folder and whose temporary folder is its own, at the work of `SCRIPT`."""
    temporary = shared / "temporary"
    temporary.mkdir(exist_ok=True)
    setup = (
        'hostname "$3" && mount --bind "$1" /mnt && mount -t tmpfs none "$6" && '
        'TMPDIR="$6" exec "$2" /mnt/script.py "$3" "$4" "$5"'
    )
    words = ["sh", "-c", setup, "sh", str(shared), sys.executable, own, other, str(PIECES), str(temporary)]
    return subprocess.Popen([*APART, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(not allowed(), reason="namespaces cannot be made here: run as root, or allow user namespaces")
def test_two_hosts_with_one_folder_do_each_piece_of_work_once_and_see_who_is_at_it(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    hosts = [host(tmp_path, "north", "south"), host(tmp_path, "south", "north")]
    answers: list[dict[str, Any]] = []
    try:
        # They wait for one another: where one fails, the other would wait for ever.
        while any(each.poll() is None for each in hosts) and not any(each.poll() for each in hosts):
            time.sleep(0.05)
        for each in sorted(hosts, key=lambda each: not each.poll()):
            said, complained = each.communicate()
            assert each.returncode == 0, complained
            answers.append(json.loads(said))
    finally:
        for each in hosts:
            each.kill()
    made = sorted(int(line.split()[0]) for line in (tmp_path / "made").read_text().splitlines())
    assert made == list(range(PIECES))
    assert all(each["kept"] == [[float(number)] * 3 for number in range(PIECES)] for each in answers)
    assert [each["here"] for each in answers] == [["of-north"], ["of-south"]]
    assert "run 7" in answers[1]["said"] and "north" in answers[1]["said"]
    assert not list(tmp_path.rglob("*.claim"))
