"""Labels that are learned through a softmax, from what a teacher says of what it names rightly, as datm has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from limbeck.computations import Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.teachers import Teacher
from limbeck.core.contracts import Batch, Budget, NoCache, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.optim import SGD
from limbeck.objectives import Trajectory
from limbeck.parameterizations import SoftmaxTargets
from limbeck.recipes import recipe_for
from limbeck.runs.store import Store
from limbeck.starts import RightlyNamed
from limbeck.tasks import load

KEY = Key(("softmax targets",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("mlp-w4"), torch.device("cpu"), NoCache())
YOUNG = Teacher(epochs=1, learning_rate=0.002)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store, so that a teacher is trained once."""
    yield Store(tmp_path_factory.mktemp("softmax"))


@pytest.fixture
def on(store: Store) -> Problem:
    return Problem(TASK, TASK.network("convnet-w4-d1"), torch.device("cpu"), store)


def test_all_items_are_named_rightly_and_their_labels_are_what_the_teacher_says(on: Problem) -> None:
    start = RightlyNamed(YOUNG)
    params = YOUNG.training().kept(ProbeContext(on)).params
    picked, expected = start.pick(on, 4, KEY), []
    for label, rows in enumerate(TASK.groups("train")):
        shuffled = TASK.load("train", rows[KEY.fold(label).permutation(len(rows))])
        right = on.network.apply(params, shuffled.inputs).outputs.argmax(1) == label
        expected.append(shuffled.inputs[right][:4])
        # It is chosen among, and not all of them are taken.
        assert int(right.sum()) >= 4
    torch.testing.assert_close(picked.inputs, torch.cat(expected))
    said = on.network.apply(params, picked.inputs).outputs
    assert torch.equal(said.argmax(1), picked.classes)
    torch.testing.assert_close(picked.targets, said.softmax(1), rtol=1e-4, atol=1e-6)
    assert float(picked.targets.max(1).values.mean()) < 0.99
    every = TASK.load("train")
    assert float((on.network.apply(params, every.inputs).outputs.argmax(1) == every.classes).double().mean()) < 0.95
    assert start.needs(on) == (YOUNG.training(),) and isinstance(YOUNG.training(), Training) and start.taught
    assert start.bytes_per_item(TASK) == 65 + 40


def test_where_too_few_are_named_rightly_it_says_of_which_class(on: Problem) -> None:
    most = min(map(len, TASK.groups("train")))
    with pytest.raises(InputError, match=r"start rightly-named: found \d+ of \d+ examples of class '\d'"):
        RightlyNamed(YOUNG).pick(on, most, KEY)


def start_of(targets: Tensor) -> Batch:
    return Batch(KEY.normal(6, 1, 4, 4), targets, torch.arange(3).repeat_interleave(2))


def test_stepping_what_is_learned_is_stepping_the_logits_of_the_teacher() -> None:
    logits = 2 * KEY.fold("logits").normal(6, 3).double()
    part, goal = SoftmaxTargets(), KEY.fold("goal").normal(6, 3).double()
    params = part.init(PROBLEM, start_of(logits.softmax(1)), KEY)
    torch.testing.assert_close(part.render(params, KEY).targets, logits.softmax(1), rtol=1e-12, atol=1e-14)
    optimizer = SGD(learning_rate=3.0, momentum=0.9)
    learned, free = params.learned["targets"], logits
    states = optimizer.init(learned), optimizer.init(free)
    for _ in range(5):
        ours, theirs = (leaf.clone().requires_grad_() for leaf in (learned, free))
        shown = part.render(Parameters({**params.learned, "targets": ours}, params.fixed), KEY).targets
        (slope,) = torch.autograd.grad((goal * shown).sum(), [ours])
        # d <g, p> / dz = p (g - <g, p>), of p = softmax(z).
        p = theirs.softmax(1).detach()
        by_hand = p * (goal - (goal * p).sum(1, keepdim=True))
        torch.testing.assert_close(slope, by_hand, rtol=1e-10, atol=1e-13)
        learned, first = optimizer.step(learned, slope, states[0])
        free, second = optimizer.step(free, by_hand, states[1])
        states = first, second
    torch.testing.assert_close(learned.softmax(1), free.softmax(1), rtol=1e-10, atol=1e-13)
    assert float((free.softmax(1) - logits.softmax(1)).abs().max()) > 0.1


def test_a_label_costs_a_float_for_each_class_and_one_of_a_class_alone_stays_there() -> None:
    part, hard = SoftmaxTargets(), torch.eye(3)[torch.arange(3).repeat_interleave(2)]
    params = part.init(PROBLEM, start_of(hard), KEY)
    assert torch.isfinite(params.learned["targets"]).all()
    torch.testing.assert_close(part.render(params, KEY).targets, hard, rtol=0, atol=1e-30)
    assert Budget.of(part.stored(params)).bytes == 6 * (16 * 4 + 3 * 4 + 1)
    for targets in ({"a": hard}, hard[:, 0], hard.long()):
        with pytest.raises(InputError, match="softmax-targets: found targets"):
            part.init(PROBLEM, start_of(hard)._replace(targets=targets), KEY)


@pytest.mark.parametrize(("ipc", "first", "latest", "over"), [(1, 4, 4, 0), (10, 10, 20, 1000), (50, 20, 40, 2000)])
def test_starts_of_a_student_come_from_a_window_that_grows_as_published(
    ipc: int, first: int, latest: int, over: int
) -> None:
    objective = recipe_for("datm", "cifar10", ipc, True).objective
    assert isinstance(objective, Trajectory)
    for step in sorted({0, 1, over // 3, over // 2, max(0, over - 1), over, 9_999}):
        end = min(latest, first + int((latest - first) * step / over)) if over else latest
        found = {objective.drawn(step, KEY.fold(draw))[1] for draw in range(40 * latest)}
        assert found == set(range(end))
    teacher = recipe_for("datm", "cifar10", ipc, True).start.teacher  # type: ignore[attr-defined]
    experts = replace(objective.experts.training(PROBLEM, 0).protocol, epochs=300, batch=0)  # type: ignore[attr-defined]
    # The teacher is trained as an expert is: by the same rate, rule and augmentation, in the same batches as often.
    assert replace(teacher.training().protocol.protocol, full_batch=256, full_epochs=5) == experts
    assert (teacher.batch, teacher.epochs) == (objective.experts.batch, objective.experts.epochs)


PROBLEM = Problem(TASK, TASK.network("convnet-w4-d1"), torch.device("cpu"), None)  # type: ignore[arg-type]
