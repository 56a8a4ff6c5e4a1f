"""By how many threads a run computes: one where its products are small, which is decided by counting."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractObjective, NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.threads import SHARED_FROM, computing_by, each_by_one, sleep_soon, threads_for
from limbeck.distillation import Distillation, distill
from limbeck.learn import microbatches
from limbeck.learn.networks.network import Network
from limbeck.objectives import Distribution
from limbeck.state import Unkept, differ
from limbeck.tasks import load


@dataclass(frozen=True)
class Multiplying(AbstractObjective):
    """The sum of a square of a large matrix, or of a small one, that notes by how many threads it is computed."""

    side: int
    seen: list[int] = field(default_factory=list)

    def init(self, problem: Problem, key: Key) -> dict[str, Any]:
        return {}

    def loss(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> torch.Tensor:
        self.seen.append(torch.get_num_threads())
        matrix = torch.ones(self.side, self.side)
        return synthetic.batch.inputs.sum() * (matrix @ matrix).mean()

    def advance(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Any:
        return state


@pytest.mark.parametrize(("side", "threads"), [(8, 1), (512, 3)])
def test_steps_are_by_one_thread_where_products_are_small_and_the_first_always(side: int, threads: int) -> None:
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), torch.device("cpu"), NoCache())
    objective = Multiplying(side)
    recipe = Recipe(objective=objective, steps=3)
    with computing_by(3):
        done = distill(Distillation(problem, recipe, 1, Key(("threads",)), checks=1), Unkept(), lambda *_: None)
        assert torch.get_num_threads() == 3
    assert objective.seen == [1, threads, threads] and done.threads == threads


def test_products_are_shared_from_a_size_on_and_nothing_that_was_not_counted_is() -> None:
    with computing_by(2):
        assert [threads_for(SHARED_FROM * 4 * share, 4) for share in (0.99, 1.0, 2.0)] == [1, 2, 2]
        assert threads_for(float("nan"), 0) == 1


def test_threads_are_as_before_after_a_block_that_failed() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), computing_by(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("given", [{}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}])
def test_threads_sleep_soon_unless_the_environment_says_otherwise(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    sleep_soon()
    assert {name: os.environ[name] for name in names if name in os.environ} == (given or {"GOMP_SPINCOUNT": "3000"})


def test_a_command_says_so_before_torch_is_imported() -> None:
    code = (
        "import os, sys\n"
        "from limbeck.cli import main\n"
        "os.environ.pop('GOMP_SPINCOUNT', None)\n"
        "assert 'torch' not in sys.modules\n"
        "main(['list', 'starts'])\n"
        "assert 'torch' in sys.modules and os.environ['GOMP_SPINCOUNT'] == '3000'\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)


def cut_small(monkeypatch: pytest.MonkeyPatch) -> Distillation:
    """A run whose real images go through in many passes."""
    monkeypatch.setattr(microbatches, "NUMBERS", 20 * 64)
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d2"), torch.device("cpu"), NoCache())
    return Distillation(problem, Recipe(objective=Distribution(per_class=13), steps=4), 1, Key(("side",)), checks=0)


def test_passes_side_by_side_give_the_same_set_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    run, by, read = cut_small(monkeypatch), list[int](), Network.apply

    def told(network: Network, *given: Any) -> Any:
        by.append(threading.get_ident())
        assert threading.current_thread() is threading.main_thread() or torch.get_num_threads() == 1
        return read(network, *given)

    monkeypatch.setattr(Network, "apply", told)
    found = []
    for threads in (1, 3):
        by.clear()
        with computing_by(threads):
            found.append(distill(run, Unkept(), lambda *_: None))
        assert (len(set(by)) > 1) == (threads > 1)
    assert differ(found[0].params.learned, found[1].params.learned).item() is False
    assert torch.equal(found[0].losses, found[1].losses)


def test_a_fault_in_a_pass_beside_is_raised_by_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = cut_small(monkeypatch), Network.apply
    state = run.step(run.begin())

    def failing(network: Network, *given: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            beside.set()
            raise KeyError("beside")
        # The first pass here leaves the other thread time to take one.
        assert beside.wait(10)
        return read(network, *given)

    beside = threading.Event()
    monkeypatch.setattr(Network, "apply", failing)
    with computing_by(2), pytest.raises(KeyError, match="beside"):
        run.step(state)


def test_what_is_done_by_several_is_in_order_and_ends_where_one_fails() -> None:
    done = list[int]()

    def double(item: int) -> int:
        done.append(item)
        if item == 5:
            raise ValueError("five")
        return 2 * item

    assert each_by_one([double] * 3, [3, 1, 2]) == [6, 2, 4] and each_by_one([double], []) == []
    done.clear()
    with pytest.raises(ValueError, match="five"):
        each_by_one([double], range(100))
    assert done == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="five"):
        each_by_one([double] * 2, [5, 5, *range(6, 1000)])
    assert len(done) < 1000
