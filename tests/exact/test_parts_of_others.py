"""What parts of other packages do wrong is told at once, in one line that names the part and what was expected."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import limbeck
from limbeck.composition import Recipe
from limbeck.core import provenance, register, tree
from limbeck.core.contracts import AbstractObjective, AbstractParameterization, Batch, NoCache, Parameters, Problem
from limbeck.core.deferred import Deferred
from limbeck.core.errors import InputError
from limbeck.core.family import from_spec, to_spec
from limbeck.core.implements import why_not
from limbeck.core.key import Key
from limbeck.core.promises import check_renders, loss_of, state_of
from limbeck.core.provenance import brought_by
from limbeck.core.register import AbstractEntry, Register
from limbeck.objectives import OBJECTIVES
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import labelled
from limbeck.recipes import Method
from limbeck.runs.again import known_again, plan_of
from limbeck.runs.worker import do
from limbeck.starts import Real


@dataclass(frozen=True)
class Whole(AbstractObjective):
    """The squared norm of the inputs."""

    factor: float = 1.0

    def init(self, problem, key):
        return {}

    def loss(self, state, problem, synthetic, key):
        return self.factor * synthetic.batch.inputs.square().sum()

    def advance(self, state, problem, synthetic, key):
        return state


class Plain(Whole):
    """No dataclass by itself."""


@dataclass
class Loose(AbstractObjective):
    """Not frozen."""

    def init(self, problem, key): ...
    def loss(self, state, problem, synthetic, key): ...
    def advance(self, state, problem, synthetic, key): ...


@dataclass(frozen=True)
class Lacking(AbstractObjective):
    """Without a loss."""

    def init(self, problem, key): ...
    def advance(self, state, problem, synthetic, key): ...


@dataclass(frozen=True)
class Short(Whole):
    """Its loss takes too little."""

    def loss(self, problem, synthetic, key): ...


@dataclass(frozen=True)
class Loud(Whole):
    """It takes whatever comes."""

    def loss(self, *everything): ...
    def advance(self, state, problem, synthetic, key, more=1): ...


def test_what_is_no_part_is_told_with_what_it_lacks() -> None:
    assert [why_not(part, AbstractObjective, "X") for part in (Whole, Loud)] == ["", ""]
    for part in (Plain, Loose, Whole(), len):
        assert why_not(part, AbstractObjective, "X") == "X is not a frozen dataclass that implements AbstractObjective"
    assert why_not(Whole, AbstractParameterization, "X").endswith("implements AbstractParameterization")
    assert why_not(Lacking, AbstractObjective, "X") == "X does not have loss of AbstractObjective"
    took = "X.loss takes (self, problem, synthetic, key), expected (self, state, problem, synthetic, key)"
    assert why_not(Short, AbstractObjective, "X") == took
    for part in OBJECTIVES.parts.values():
        assert why_not(part, AbstractObjective, "X") == ""


@dataclass(frozen=True)
class Named(AbstractEntry):
    name: str
    summary: str = ""
    wrong: str = ""

    def fault(self) -> str:
        return self.wrong


def test_an_entry_of_a_name_that_is_taken_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    listed, theirs = (
        Named("dm", "ours"),
        [Named("dm"), Named("mine", "first"), Named("mine"), Named("bad", "", "it is")],
    )
    points = [EntryPoint(f"p{at}", f"package{at}", "limbeck.thing") for at in range(len(theirs))]
    monkeypatch.setattr(register, "installed", lambda kind: zip(points, theirs, strict=True))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = Register("thing", Named, [listed]).entries
    assert found == {"dm": listed, "mine": theirs[1]}
    wanted = ("there is a thing 'dm' already", "there is a thing 'mine' already", "left out: it is;")
    assert [part in str(each.message) for part, each in zip(wanted, said, strict=True)] == [True] * 3


def test_a_recipe_of_a_part_that_nobody_registers_says_so_and_so_does_its_spec() -> None:
    method = Method("own", "", "", "", Recipe(start=Real(), objective=Whole(), steps=1))
    place = f"{Whole.__module__}.Whole"
    assert method.fault() == f"recipe own has {place}, which no entry point of the group 'limbeck.objective' names"
    assert replace(method, recipe=replace(method.recipe, objective=None)).fault() == ""
    with pytest.raises(InputError, match=r'"limbeck.objective"\] as NAME = "[a-z.]*test_parts_of_others:Whole"'):
        from_spec(to_spec(method.recipe))


def test_a_group_of_entry_points_that_is_almost_right_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Points(list):
        groups = ("limbeck.things", "limbeck.other", "limbeck.thing")

    def points(group: str = "") -> Any:
        return [EntryPoint("a", "package_of_things", group)] if group == "limbeck.things" else Points()

    monkeypatch.setattr(register, "entry_points", points)
    with pytest.warns(UserWarning, match="found the group 'limbeck.things', expected 'limbeck.thing'"):
        register.warn_of_misnamed("thing")


def test_a_loss_is_one_number_and_a_state_is_of_tensors() -> None:
    one = torch.tensor(2.0)
    assert loss_of(Whole(), one) is one and state_of(Whole(), {"a": one}, "init") == {"a": one}
    assert state_of(Whole(), {}, "init") == {}
    for found, said in ((1.5, "a float"), (None, "a NoneType"), (torch.ones(3, 1), "a tensor of the shape (3, 1)")):
        with pytest.raises(InputError) as caught:
            loss_of(Whole(), found)
        assert f"objective whole: its loss gave {said}, expected" in str(caught.value)
    with pytest.raises(InputError, match="objective whole: its advance gave a NoneType, expected a tree of tensors"):
        state_of(Whole(), None, "advance")


@dataclass(frozen=True)
class Rendering(Pixels):
    """Pixels, as a function of what is kept."""

    def render(self, params: Parameters, key: Key) -> Any:
        return HOW["render"](labelled(params.learned["inputs"], tree.widen(params.fixed)), params.fixed["classes"])


HOW: dict[str, Callable[[Batch, Tensor], Any]] = {}


def test_what_would_not_be_read_back_is_told_before_the_first_step() -> None:
    task = limbeck.load("digits")
    problem = Problem(task, task.network("mlp-w4"), torch.device("cpu"), NoCache())
    start = Real().pick(problem, 2, Key(("test",)))
    params = Pixels().init(problem, start, Key(("test",)))
    check_renders(Pixels(), params, task)

    wrong: dict[str, Callable[[Batch, Tensor], Any]] = {
        "it rendered a tuple, expected": lambda batch, kept: tuple(batch),
        "renders classes of the type torch.uint8": lambda batch, kept: batch._replace(classes=kept),
        "widened by limbeck.core.tree.widen": lambda batch, kept: batch._replace(classes=kept),
        "renders examples of different numbers": lambda batch, kept: batch._replace(inputs=batch.inputs[1:]),
        "the shape (1, 6, 8), expected (1, 8, 8), those of digits": lambda batch, kept: batch._replace(
            inputs=batch.inputs[:, :, :6]
        ),
    }
    HOW["render"] = lambda batch, kept: batch
    check_renders(Rendering(), params, task)
    for said, how in wrong.items():
        HOW["render"] = how
        with pytest.raises(InputError) as caught:
            check_renders(Rendering(), params, task)
        assert str(caught.value).startswith("parameterization rendering: ") and said in str(caught.value)


ELSEWHERE = {"package": "theirs", "version": "1", "module": "theirs", "digest": "0"}


@pytest.fixture
def session(tmp_path: Path) -> limbeck.Session:
    return limbeck.Session(tmp_path, executor="print")


def test_seeds_by_other_code_are_not_taken_for_seeds_of_a_set(session: limbeck.Session, tmp_path: Path) -> None:
    task = limbeck.load("digits")
    made = limbeck.distill(task, "random", ipc=1, network="mlp-w4", checks=0, session=session)
    named = ("a.safetensors", tmp_path / "a.safetensors", made)
    assert plan_of(task, named).seed == 0
    start = {**made.spec["recipe"]["start"], "from": ELSEWHERE}
    changed = {
        "start/real: made with theirs 1": {"recipe": {**made.spec["recipe"], "start": start}},
        "the spec: made with version 0 of": {"algorithm": 0},
        "the network: made with theirs 1": {"sources": {"network": ELSEWHERE}},
    }
    for said, change in changed.items():
        other = (*named[:2], replace(made, spec={**made.spec, **change}))
        with pytest.raises(InputError) as caught:
            plan_of(task, other)
        assert str(caught.value).startswith(said) and "leave --seeds out, or distil a.safetensors" in str(caught.value)
        assert known_again(session, task, [other], torch.device("cpu")) == {}


def test_a_worker_refuses_jobs_of_other_code(session: limbeck.Session, tmp_path: Path) -> None:
    made = limbeck.distill("digits", "random", ipc=1, network="mlp-w4", checks=0, session=session)
    made.save(tmp_path / "a.safetensors")
    with pytest.raises(Deferred):
        limbeck.evaluate(tmp_path / "a.safetensors", repeats=1, baselines=[], session=session)
    (chunk,) = tmp_path.glob("chunks/*.jsonl")
    job = json.loads(chunk.read_text().splitlines()[0])
    (asked,) = job["computations"]
    other = {**asked, "computation": {**asked["computation"], "from": ELSEWHERE}}
    for changed in ({"computations": [other]}, {"basis": {**job["basis"], "algorithm": 0}}):
        with pytest.raises(InputError, match="give the command that wrote this job again, with the same limbeck"):
            do({**job, **changed})
    assert not list(tmp_path.glob("remembered/*/*"))
    do(job)
    assert len(list(tmp_path.glob("remembered/*/*.safetensors"))) == 1


def test_an_error_names_the_last_package_that_it_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        value, dist = "theirs.objective:Whole", Named("their-package")

    class Points(list):
        groups = ("console_scripts", "limbeck.objective")

    found = Points([Point])
    monkeypatch.setattr(provenance.metadata, "entry_points", lambda group="": found)

    def raised(module: str) -> Exception:
        """The error of a division in a module of that name."""
        there: dict[str, Any] = {"__name__": module}
        exec(compile("def divide():\n    return 1 / 0\n", "there.py", "exec"), there)
        with pytest.raises(ZeroDivisionError) as caught:
            there["divide"]()
        return caught.value

    said = "limbeck: the error comes from package their-package, there.py, line 2"
    assert brought_by(raised("theirs.objective")) == said and brought_by(raised("others")) == ""
