"""Packages of others: what they bring is part of every address, and one that is broken breaks nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import Python, python_in

OBJECTIVE = """
from dataclasses import dataclass

from limbeck.core.contracts import AbstractObjective
from theirs.helping import squared
from theirs import constants


@dataclass(frozen=True)
class Shrinking(AbstractObjective):
    \"\"\"A multiple of the squared norm of the inputs.\"\"\"

    factor: float = 1.0

    def init(self, problem, key):
        return {}

    def loss(self, state, problem, synthetic, key):
        return self.factor * constants.FACTOR * squared(synthetic.batch.inputs)

    def advance(self, state, problem, synthetic, key):
        return state
"""
NETWORK = """
from torch import nn


def small(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))
"""
CODEC = """
from dataclasses import dataclass

from limbeck.codecs import Identity


@dataclass(frozen=True)
class Halved(Identity):
    def encode(self, native):
        return native / 2
"""
ADDRESSES = """
import codecs_of_theirs, dataclasses, json, torch
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.family import spec_id, to_spec
from limbeck.objectives import OBJECTIVES
from limbeck.tasks import load

task = load("digits")
networks = [task.network(name) for name in ("convnet", "module:nets.small")]
coded = dataclasses.replace(task, codec=codecs_of_theirs.Halved())
pairs = [(task, networks[0]), (task, networks[1]), (coded, networks[0])]
problems = [Problem(*pair, torch.device("cpu"), NoCache()) for pair in pairs]
spec = to_spec(OBJECTIVES["shrinking"](factor=2.0))
print(json.dumps({"spec": spec, "objective": spec_id(spec), "own": spec_id(problems[0].basis),
    "network": spec_id(problems[1].basis), "codec": spec_id(problems[2].basis),
    "sources": problems[1].basis["sources"]}))
"""


def install(folder: Path, name: str, version: str, entry_points: str, files: dict[str, str]) -> None:
    """Put a package where Python finds it, as an installer would."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    about = folder / f"{name}-1.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a package that brings an objective, a module with a network, and a package that is broken."""
    files = {
        "theirs/__init__.py": "",
        "theirs/objective.py": OBJECTIVE,
        "theirs/helping.py": "def squared(inputs):\n    return inputs.square().sum()\n",
        "theirs/constants.py": "FACTOR = 1.0\n",
        "theirs/idle.py": "NOBODY = 'uses it'\n",
        "nets.py": NETWORK,
        "codecs_of_theirs.py": CODEC,
    }
    theirs = "[limbeck.objective]\nshrinking = theirs.objective:Shrinking\n"
    install(tmp_path, "theirs", "1.0", theirs, files)
    broken = (
        "[limbeck.objective]\na = broken:A\nb = broken:B\n[limbeck.start]\nc = broken:C\n"
        "[limbeck.task]\nd = broken:load\n"
    )
    install(tmp_path, "broken", "0.1", broken, {"broken.py": "import a_module_that_is_not_there\n"})
    return tmp_path


@pytest.fixture
def python(place: Path) -> Iterator[Python]:
    with python_in(place, {"LIMBECK_RUNS": str(place / "runs")}) as run:
        yield run


def addresses(python: Python) -> dict[str, Any]:
    done = python("-c", ADDRESSES)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_edited_has_another_address_and_nothing_else_has(place: Path, python: Python) -> None:
    first = addresses(python)
    assert first["spec"]["part"] == "objective/shrinking" and first["spec"]["factor"] == 2.0
    assert {**first["spec"]["from"], "digest": ""} == {
        "package": "theirs", "version": "1.0", "module": "theirs.objective", "digest": ""
    }  # fmt: skip
    assert first["sources"]["network"]["module"] == "nets" and "task" not in first["sources"]

    def edited(*edits: tuple[str, str, str]) -> set[str]:
        """Which addresses are others after edits, which are then undone."""
        texts = {file: (place / file).read_text() for file, _, _ in edits}
        for file, old, new in edits:
            assert old in texts[file]
            (place / file).write_text(texts[file].replace(old, new))
        then = addresses(python)
        for file, text in texts.items():
            (place / file).write_text(text)
        return {name for name in ("objective", "own", "network", "codec") if then[name] != first[name]}

    assert edited(("theirs/objective.py", "self.factor *", "2 * self.factor *")) == {"objective"}
    assert edited(("theirs/helping.py", "inputs.square()", "inputs.abs()")) == {"objective"}
    assert edited(("theirs-1.dist-info/METADATA", "Version: 1.0", "Version: 1.1")) == {"objective"}
    nobody, network = ("theirs/idle.py", "uses", "used"), ("nets.py", "nn.Flatten()", "nn.Flatten(), nn.Identity()")
    assert edited(nobody, network) == {"network"}
    assert edited(("codecs_of_theirs.py", "native / 2", "native / 3")) == {"codec"}


def test_an_edited_objective_gives_no_old_result_and_a_broken_package_breaks_nothing(
    place: Path, python: Python
) -> None:
    words = "--network convnet-w4-d1 --checks 1"

    def limbeck(words: str) -> tuple[str, list[str]]:
        done = python("-m", "limbeck.cli", *words.split())
        assert done.returncode == 0, done.stderr
        return done.stdout, [line for line in done.stderr.splitlines() if line.startswith("limbeck: ")]

    complaint = "limbeck: package broken: entry point 'a' is left out: it cannot be imported (ModuleNotFoundError"
    distill = f"distill digits --ipc 1 --steps 2 --objective shrinking {words} --quiet --out"
    for name, factor in (("a", "1.0"), ("b", "3.0")):
        (place / "theirs" / "constants.py").write_text(f"FACTOR = {factor}\n")
        _, said = limbeck(f"{distill} {name}.safetensors")
        assert len(said) == 1 and said[0].startswith(complaint) and "uninstall" in said[0]
    a, b = ((place / f"{name}.safetensors").read_bytes() for name in "ab")
    assert a != b
    specs = [json.loads(path.read_text()) for path in sorted(place.glob("runs/distillations/*/*/spec.json"))]
    assert len(specs) == 2
    old = next(spec for spec in specs if spec["recipe"]["objective"]["from"]["digest"] not in str(addresses(python)))
    del old["digest"]
    (place / "old.json").write_text(json.dumps(old))
    _, said = limbeck("distill --spec old.json --quiet --out again.safetensors")
    (change,) = (line for line in said if "broken" not in line)
    assert change.startswith("limbeck: objective/shrinking: made with theirs 1.0 (module theirs.objective, digest ")
    assert (place / "again.safetensors").read_bytes() == b

    listed, said = limbeck("list objectives --json")
    assert "shrinking" in {row["name"] for row in json.loads(listed)} and len(said) == 1
    scored, said = limbeck("evaluate a.safetensors --repeats 1 --baselines none --workers 1 --quiet --json")
    assert len(json.loads(scored)["rows"]) == 1
