"""What another package brings by entry points is used like what is here, and its version is part of every address.

The package is tests/brought_parts.py: one part of each family, put where an installer would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import brought_parts
from commands import Python, python_in

LISTED = {
    "tasks": "dots",
    "codecs": "tenfold",
    "augmentations": "shifted",
    "starts": "earliest",
    "parameterizations": "doubled",
    "schedules": "halving",
    "objectives": "mean-matching",
    "distances": "largest-difference",
    "estimators": "negated",
    "optimizers": "sign-descent",
    "protocols": "hasty",
    "probes": "counting",
    "recipes": "earliest",
}
"""What `limbeck list` shows of the package."""

PARTS = (
    "--start earliest --parameterization doubled --schedule halving --estimator negated --optimizer sign-descent "
    "--objective mean-matching --objective.distance largest-difference --objective.augmentation shifted"
)


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Python]:
    with python_in(tmp_path, {"LIMBECK_RUNS": "runs"}) as run:
        yield run


def limbeck(python: Python, words: str) -> Any:
    """What the command line answers, as JSON, in a process that has the package installed."""
    done = python("-m", "limbeck.cli", *words.split(), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def versions(spec: Any) -> list[str]:
    """The version of every source that a spec names, wherever in it."""
    if isinstance(spec, list):
        return [each for value in spec for each in versions(value)]
    if not isinstance(spec, dict):
        return []
    own = [spec["version"]] if spec.get("package") == "brought-parts" else []
    return own + [each for value in spec.values() for each in versions(value)]


def test_what_a_package_brings_is_listed_run_scored_and_explained_and_its_version_is_an_address(
    tmp_path: Path, python: Python
) -> None:
    brought_parts.install(tmp_path, "1")
    everything = limbeck(python, "list")
    for kind, name in LISTED.items():
        assert name in {row["name"] for row in everything[kind]}, kind

    distill = f"distill dots --network mlp-w4 --ipc 2 --steps 2 --checks 1 {PARTS} --quiet --out a.safetensors"
    made = limbeck(python, distill)
    assert made["items"] == 4

    evaluate = "evaluate a.safetensors --protocol hasty --baselines earliest,full --repeats 1 --workers 1 --quiet"
    scored = limbeck(python, evaluate)
    assert [row["set"] for row in scored["rows"]] == ["a.safetensors", "earliest", "full"]
    assert {row["protocol"] for row in scored["rows"]} == {"hasty"}

    explain = "explain a.safetensors --probe counting --workers 1 --quiet"
    (finding,) = limbeck(python, explain)["findings"]
    assert finding["probe"] == "counting" and finding["verdict"] == "There are 4."

    def kept() -> dict[Path, Any]:
        """What the store has, and what each was computed from."""
        return {path: json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("*.json")}

    first = kept()
    brought_parts.install(tmp_path, "2")
    limbeck(python, distill)
    limbeck(python, evaluate)
    runs = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs").glob("distillations/*/*/spec.json"))]
    assert len(runs) == 2, "the same command under another version is another run"
    # The parts of the recipe, the task and its codec.
    assert sorted({tuple(sorted(set(versions(run)))) for run in runs}) == [("1",), ("2",)]
    assert all(len(versions(run)) == 10 for run in runs)
    assert len(kept()) > len(first)
