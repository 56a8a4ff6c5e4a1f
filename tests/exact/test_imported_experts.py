"""Replay buffers of others become experts that recipes follow, where they are of the named network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import limbeck
from limbeck.cli import main
from limbeck.computations.experts import Experts
from limbeck.core.contracts import Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.objectives.trajectory import Trajectory
from limbeck.parameterizations import Pixels
from limbeck.runs.experts import import_experts
from limbeck.runs.session import Session
from limbeck.schedules import Fixed
from limbeck.tasks.images import ImageTask

KEY = Key(("imported experts",))
NETWORK = "convnet-w4-d1"


@pytest.fixture(scope="module")
def task() -> ImageTask:
    return limbeck.load("digits")


def parameters(task: ImageTask, *name: object) -> list[torch.Tensor]:
    """Those of a learner as torch lists them: in the order of the modules, weight before bias."""
    params = task.network(NETWORK).init(KEY.fold(*name))
    order = ["block1.convolution.weight", "block1.convolution.bias", "block1.norm.weight", "block1.norm.bias"]
    return [params[each] + len(name) * 0.01 for each in (*order, "head.weight", "head.bias")]


@pytest.fixture
def buffers(task: ImageTask, tmp_path: Path) -> list[Path]:
    """Three experts of two epochs in two files, as their authors' code writes them."""
    paths = [tmp_path / "replay_buffer_0.pt", tmp_path / "replay_buffer_1.pt"]
    for path, numbers in zip(paths, ((0, 1), (2,)), strict=True):
        torch.save([[parameters(task, number, epoch) for epoch in range(3)] for number in numbers], path)
    return paths


def test_imported_experts_have_the_parameters_that_were_written(
    buffers: list[Path], task: ImageTask, tmp_path: Path
) -> None:
    with Session(tmp_path / "runs", workers=1) as session:
        experts = import_experts(session, task, NETWORK, buffers)
        assert (experts.count, experts.epochs) == (3, 2)
        problem = session.problem(task, NETWORK)
        for number in range(3):
            for epoch in range(3):
                found = experts.snapshot(problem, number, epoch)
                expected = parameters(task, number, epoch)
                names = list(task.network(NETWORK).init(KEY))
                assert all(torch.equal(found[name], value) for name, value in zip(names, expected, strict=True))


def test_a_student_follows_them(buffers: list[Path], task: ImageTask, tmp_path: Path) -> None:
    with Session(tmp_path / "runs", workers=1) as session:
        experts = import_experts(session, task, NETWORK, buffers)
        problem = session.problem(task, NETWORK)
        objective = Trajectory(experts=experts, reach=2, latest=1, augment=None)
        batch = problem.real(KEY, 1)
        part = Pixels()
        synthetic = Synthetic.of(
            part.render(part.init(problem, batch, KEY), KEY),
            Fixed(steps=1, learning_rate=1e-12).render({}, batch.classes, KEY),
        )
        loss = objective.loss(objective.init(problem, KEY), problem, synthetic, KEY)
    # A student that does not move ends where the expert began: the distance is all of it.
    assert float(loss) == pytest.approx(1.0, abs=1e-4)


def test_the_command_says_by_what_they_are_followed_and_distil_obeys(
    buffers: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "runs")]
    words = ["experts", "digits", "--network", NETWORK, "--buffer", *map(str, buffers), *runs]
    assert main(words) == 0
    said = capsys.readouterr().out
    options = said.split("followed by")[1].split("\n")[0].split()
    assert "3, imported" in said and options[2:] == [
        "--objective.experts.count",
        "3",
        "--objective.experts.epochs",
        "2",
    ]
    distil = f"distill digits --recipe mtt --ipc 1 --network {NETWORK} --steps 2 --quiet --objective.latest 1".split()
    out = ["--out", str(tmp_path / "set.safetensors")]
    assert main([*distil, *options, *out, *runs]) == 0
    spec = limbeck.DistilledSet.load(tmp_path / "set.safetensors").spec
    assert options[1] in json.dumps(spec)


def test_experts_that_were_not_imported_are_refused_with_the_command(task: ImageTask, tmp_path: Path) -> None:
    with Session(tmp_path / "runs", workers=1) as session:
        problem = session.problem(task, NETWORK)
        with pytest.raises(
            InputError, match=r"limbeck experts digits --network convnet-w4-d1 --buffer replay_buffer_0"
        ):
            Experts(count=1, epochs=2, imported="0" * 16).snapshot(problem, 0, 0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.zeros(3), "found a tensor of shape (3,), expected a replay buffer"),
        ([[[torch.zeros(3)], [torch.zeros(3)]]], "1 tensors, expected the 6 of the network"),
        ([[[torch.zeros(3)]]], "experts of 1 snapshots, expected all alike and at least 2"),
        ([[[torch.zeros(4, 3, 3, 3)] * 6] * 2], "where block1.convolution.weight of the network is of shape (4, 1, 3,"),
        ([[[torch.full((4, 1, 3, 3), torch.nan)] * 6] * 2], "block1.convolution.weight holds NaN"),
    ],
)
def test_what_is_no_buffer_of_the_network_is_refused_and_nothing_is_kept(
    value: Any, said: str, task: ImageTask, tmp_path: Path
) -> None:
    torch.save(value, tmp_path / "replay_buffer_0.pt")
    with Session(tmp_path / "runs", workers=1) as session:
        with pytest.raises(InputError) as refused:
            import_experts(session, task, NETWORK, [tmp_path / "replay_buffer_0.pt"])
        assert said in str(refused.value)
    assert not list(tmp_path.rglob("*.safetensors"))
