"""Several processes take the steps of one, and each does less of them; where one dies, one line says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.core.files import read_tensors
from limbeck.distilled_set import DistilledSet
from limbeck.runs.store import Store

OBJECTIVES = ("dm", "dsa", "bptt", "frepo", "rfad")


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what processes came to."""
    folder = tmp_path_factory.mktemp("ranked")
    program = Path(__file__).parents[1] / "ranked.py"
    subprocess.run([sys.executable, str(program), str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder


def codes(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "codes.json").read_text())
    return found


def held(folder: Path, name: str, count: int) -> list[dict[str, Tensor]]:
    """What each of so many processes held."""
    said = [(folder / f"{count}.{rank}").read_text() for rank in range(count)]
    assert codes(folder)[str(count)] == [0] * count, said
    return [read_tensors(folder / f"{name}-{count}-{rank}.safetensors")[0] for rank in range(count)]


@pytest.mark.parametrize(("name", "count"), [*((name, 2) for name in OBJECTIVES), ("dm", 4), ("dsa", 4)])
def test_what_processes_come_to_is_what_one_does(ranked: Path, name: str, count: int) -> None:
    (one,), several = held(ranked, name, 1), held(ranked, name, count)
    learned = [path for path, leaf in one.items() if leaf.is_floating_point()]
    assert learned and one[learned[0]].dtype == torch.float64
    for path in learned:
        torch.testing.assert_close(several[0][path], one[path], rtol=1e-10, atol=1e-10)
    for other in several[1:]:
        assert all(torch.equal(leaf, several[0][path]) for path, leaf in other.items() if path != "operations")


@pytest.mark.parametrize("name", ["dm", "dsa"])
def test_what_is_shared_is_done_once_in_all(ranked: Path, name: str) -> None:
    # Together they do shared + processes * other operations; the first of three steps is whole in each.
    one, two, four = (sum(int(each["operations"]) for each in held(ranked, name, count)) for count in (1, 2, 4))
    other = two - one
    assert four == one + 3 * other
    assert one - other > one / 4


def said(folder: Path, name: str) -> list[list[str]]:
    """The lines that each process of a command said on standard error."""
    return [(folder / f"{name}.{rank}").read_text().splitlines() for rank in range(2)]


def test_where_one_dies_the_other_keeps_what_was_done_and_says_so_in_one_line(ranked: Path) -> None:
    assert codes(ranked)["dead"] == [130, -signal.SIGKILL] and codes(ranked)["kept"] == 2
    lead, other = said(ranked, "dead")
    ends = [line for line in lead if "ended" in line]
    assert len(ends) == 1 and "go on with: torchrun ... -m limbeck distill digits" in ends[0] and not other
    assert not any("Traceback" in line for line in lead)


def test_the_same_command_goes_on_and_ends_where_an_unbroken_one_does(ranked: Path) -> None:
    assert codes(ranked)["again"] == [0, 0], said(ranked, "again")
    broken, whole = (DistilledSet.load(ranked / f"{name}.safetensors") for name in ("set", "whole"))
    assert json.dumps(broken.spec) == json.dumps(whole.spec)
    (run,) = Store(ranked / "runs").runs()
    (alone,) = Store(ranked / "alone").runs()
    assert run.id == alone.id
    assert run.facts()["record"]["processes"] == 2 and alone.facts()["record"]["processes"] == 1
    found, expected = broken.batch.inputs, whole.batch.inputs
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not said(ranked, "again")[1]


def test_what_several_would_each_do_whole_is_refused_in_one_line(ranked: Path) -> None:
    assert codes(ranked)["refused"] == [2, 1]
    lead, other = said(ranked, "refused")
    assert len(lead) == 1 and "kernel-ridge" in lead[0] and "leave torchrun out" in lead[0] and not other


def test_processes_that_were_asked_for_different_runs_say_so(ranked: Path) -> None:
    assert codes(ranked)["apart"] == [130, 2]
    lead, other = said(ranked, "apart")
    assert len(other) == 1 and "expected one command" in other[0] and "ended" in lead[-1]
