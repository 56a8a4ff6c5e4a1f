"""How alike pairs are, learned with them: the loss against a dense reference, its start, derivative and storage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import coupled
import limbeck
from checkpoints import Kept, quiet
from in_process import Here
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import Experts
from limbeck.core import tree
from limbeck.core.contracts import ByTask, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.distillation import distill as distilled
from limbeck.judging import judged_by, protocol_for, relates
from limbeck.learn.contrast import TEMPERATURE, disagreement, likeness
from limbeck.learn.losses import ByLikeness, Likeness
from limbeck.learn.rules import Momentum
from limbeck.objectives import BranchTrajectory, Trajectory
from limbeck.objectives.trajectory import squared_distance
from limbeck.options import compose
from limbeck.parameterizations import LikenessTargets, Pixels
from limbeck.protocols import Alike, named
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed
from limbeck.tasks import load
from limbeck.tasks.pairs import PairTask

KEY, CPU = Key(("likeness",)), torch.device("cpu")
EXPERTS = Experts(count=1, epochs=2, learning_rate=0.1, batch=24, augment=None)
STUDENT = Fixed(steps=3, learning_rate=0.1, optimizer=Momentum(0.0), batch=4, loss=Likeness())
FOLLOWING = Trajectory(EXPERTS, reach=1, latest=1, augment=None)
OPTIONS = {
    "objective.around.experts.count": 1, "objective.around.experts.epochs": 2, "objective.around.experts.batch": 24,
    "optimizer.learning_rate": 0.1, "target_optimizer.learning_rate": 0.1, "schedule_optimizer.learning_rate": 1e-4,
    "parameterization.rank": 2, "steps": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> PairTask:
    made = load(coupled.write(tmp_path_factory.mktemp("coupled") / "squares"))
    assert isinstance(made, PairTask)
    return made


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[limbeck.Session]:
    with limbeck.Session(tmp_path_factory.mktemp("runs"), workers=1, device="cpu", executor=Here()) as kept:
        yield kept


@pytest.fixture(scope="module")
def problem(task: PairTask, session: limbeck.Session) -> Problem:
    """With its expert."""
    made = session.problem(task, "mlp-w8")
    for training in EXPERTS.trainings(made):
        ProbeContext(made).outcome(training)
    return made


def reference(outputs: Tensor, alike: Tensor) -> float:
    """Term by term, as its paper has it."""
    sides = [[row / row.norm() for row in side] for side in outputs.chunk(2, 1)]
    halves: dict[bool, list[float]] = {True: [], False: []}
    for i, left in enumerate(sides[0]):
        for j, right in enumerate(sides[1]):
            chance = 1 / (1 + math.exp(-float(left @ right) / TEMPERATURE))
            said = float(alike[i, j])
            halves[said > 0.5].append(-said * math.log(chance) - (1 - said) * math.log(1 - chance))
    return sum(sum(each) / len(each) / 2 for each in halves.values() if each)


def test_the_loss_is_weighted_binary_cross_entropy_term_by_term() -> None:
    outputs, targets = KEY.fold("outputs").normal(5, 6).double(), KEY.fold("targets").normal(5, 7).double()
    a, left, right = targets[:, 0], targets[:, 1:4], targets[:, 4:]
    dense = torch.diag(a) + left @ right.T
    torch.testing.assert_close(likeness(targets), dense)
    assert 0 < int((dense > 0.5).sum()) < 25 and bool((dense[0, 1:] != 0).all())
    assert float(disagreement(outputs, targets).mean()) == pytest.approx(reference(outputs, dense), rel=1e-9)
    # Real pairs are like themselves alone, and a pair by itself is like nothing else.
    ones = torch.ones(5, 1).double()
    assert torch.equal(likeness(ones), torch.eye(5).double())
    for count in (1, 5):
        expected = reference(outputs[:count], torch.eye(count))
        assert float(disagreement(outputs[:count], ones[:count]).mean()) == pytest.approx(expected, rel=1e-9)


def test_any_items_together_have_their_rows_and_columns(task: PairTask) -> None:
    targets, rows = KEY.normal(8, 5), torch.tensor([6, 1, 3])
    batch = task.load("train", torch.arange(8))._replace(targets=targets)
    taken = task.take(batch, rows)
    torch.testing.assert_close(likeness(taken.targets), likeness(targets)[rows][:, rows])
    stacked = torch.stack([targets, targets.flip(0)])
    torch.testing.assert_close(torch.func.vmap(likeness)(stacked)[1], likeness(targets.flip(0)))


def made_of(problem: Problem, part: LikenessTargets, count: int) -> Any:
    return part.init(problem, problem.real(KEY.fold("start"), count), KEY.fold("init"))


def test_it_begins_with_each_pair_like_itself_alone(problem: Problem) -> None:
    part = LikenessTargets(rank=3, scale=2.0)
    params = made_of(problem, part, 6)
    shown = part.render(params, KEY)
    assert torch.equal(likeness(shown.targets), torch.eye(6))
    assert float(params.learned["targets"]["left"].abs().min()) > 0
    # Where the right factor has moved, it is diag(a) + scale / rank L R^T.
    moved = params._replace(learned=tree.map(lambda leaf: leaf + 0.5, params.learned))
    named_ = moved.learned["targets"]
    expected = torch.diag(named_["own"]) + 2 / 3 * named_["left"] @ named_["right"].T
    torch.testing.assert_close(likeness(part.render(moved, KEY).targets), expected)
    assert part.init(problem, problem.real(KEY, 6), KEY).learned["targets"]["left"].shape == (6, 3)


def test_what_it_takes_is_counted_in_the_size_of_a_set(problem: Problem) -> None:
    part = LikenessTargets(rank=10)
    params = made_of(problem, part, 6)
    counted = part.counted(part.stored(params))
    assert counted.labels.bytes - 6 * (1 + 4 * 0) >= 6 * 21 * 4 and counted.labels.scalars >= 6 * 21
    plain = Pixels().cost(problem.task, 1)
    assert part.cost(problem.task, 6) == 6 * (plain + 21 * 4)
    recipe = replace(recipe_for("lors", "flickr30k", 100), parameterization=part)
    # As many as the published 99 of 100: one pair pays for the similarity of all others, where one can.
    most = 6 * plain // (plain + 84)
    assert recipe.items(problem, 6, None, KEY) == most


def test_the_gradient_of_the_objective_is_exact(task: PairTask) -> None:
    network = task.network("mlp-w4")
    start, goal = (tree.map(Tensor.double, network.init(KEY.fold(name))) for name in ("start", "goal"))

    class Follows(NoCache):
        def remember(self, address: Any, make: Any, branch: str = "") -> Any:
            return start if branch == "params/0" else goal

    problem = Problem(task, network, CPU, Follows())
    part = LikenessTargets(rank=2)
    params = made_of(problem, part, 5)
    learned = tree.map(lambda leaf: leaf.double() + 0.1, params.learned)
    rates = torch.full((3,), 0.05).double()
    schedule, objective = STUDENT.render({}, params.fixed["classes"], KEY), BranchTrajectory(FOLLOWING)
    state = {"step": torch.tensor(0)}

    def loss(learned: Any, rates: Tensor) -> Tensor:
        batch = part.render(params._replace(learned=learned), KEY)
        shown = Synthetic.of(batch, schedule._replace(learning_rates=rates))
        return objective.loss(state, problem, shown, KEY)

    leaves = [leaf.requires_grad_() for leaf in [*tree.leaves(learned), rates]]
    slopes = torch.autograd.grad(loss(learned, rates), leaves)
    for index, (leaf, slope) in enumerate(zip(leaves, slopes, strict=True)):
        way, step = KEY.fold("way", index).normal(*leaf.shape).double(), 1e-6
        with torch.no_grad():
            ends = []
            for sign in (1, -1):
                leaf += sign * step * way
                ends.append(float(loss(learned, rates)))
                leaf -= sign * step * way
        assert float((slope * way).sum()) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-9)
    assert float(tree.flatten(slopes)["4"].abs().max()) > 0


def test_each_network_is_matched_by_a_share_of_its_own(problem: Problem) -> None:
    objective = BranchTrajectory(FOLLOWING)
    batch = problem.real(KEY, 4)
    shown = Synthetic.of(batch, STUDENT.render({}, batch.classes, KEY))
    state = objective.init(problem, KEY)
    start, end, goal = FOLLOWING.followed(state, problem, shown, KEY)
    parts = {part: {name: None for name in start if name.startswith(part)} for part in ("image.", "text.")}
    assert sum(map(len, parts.values())) == len(start)
    shares = [
        squared_distance({n: end[n] for n in names}, {n: goal[n] for n in names})
        / squared_distance({n: start[n] for n in names}, {n: goal[n] for n in names})
        for names in parts.values()
    ]
    torch.testing.assert_close(objective.loss(state, problem, shown, KEY), shares[0] + shares[1])
    assert int(objective.advance(state, problem, shown, KEY)["step"]) == 1


def recipe() -> Any:
    return compose(recipe_for("lors", "flickr30k", 100), OPTIONS)


def test_a_run_that_was_interrupted_ends_bit_for_bit_as_one_that_was_not(problem: Problem) -> None:
    run = Distillation(problem, recipe(), 4, KEY, checks=0)
    whole = distilled(run, Kept(), quiet)
    kept = Kept(2)
    with pytest.raises(KeyboardInterrupt):
        distilled(run, kept, kept.watch)
    resumed = distilled(run, kept, quiet)
    pairs = zip(*(tree.leaves(each.params) for each in (resumed, whole)), strict=True)
    assert all(torch.equal(left, right) for left, right in pairs)
    assert float(whole.params.learned["targets"]["right"].abs().max()) > 0, "the similarity has moved"


def test_a_set_keeps_its_similarity_and_is_trained_on_by_it(
    task: PairTask, problem: Problem, session: limbeck.Session, tmp_path: Path
) -> None:
    made = limbeck.distill(task, recipe(), ipc=6, network="mlp-w8", checks=0, session=session)
    made.save(tmp_path / "made.safetensors")
    again = limbeck.DistilledSet.load(tmp_path / "made.safetensors")
    assert again == made and relates(again) and isinstance(again.schedule.loss, ByLikeness)
    alike = likeness(again.batch.targets)
    assert torch.equal(alike, likeness(made.batch.targets)) and not torch.equal(alike, torch.diag(alike.diagonal()))
    limbeck.export(made, "npz", tmp_path / "made.npz", session=session)
    back = limbeck.import_set(tmp_path / "made.npz", task=task)
    assert back == made and relates(back), "its targets and its training loss are kept"
    chosen, told = protocol_for({"made": made})
    assert chosen == Alike() == judged_by(recipe()) == named("lors") and not told
    schedule = chosen.schedule(made.schedule, len(made), KEY)
    assert isinstance(schedule.loss, ByLikeness) and len(schedule.learning_rates) == 100
    torch.testing.assert_close(schedule.learning_rates[0], made.schedule.learning_rates.mean())
    torch.testing.assert_close(schedule.learning_rates[51:], 0.1 * schedule.learning_rates[:49])
    other, (line,) = protocol_for({"made": made}, "yang2024")
    assert isinstance(other.schedule(None, 6, KEY).loss, ByTask)
    assert "made: it says how alike its pairs are, which protocol yang2024 does not read" in line
    rows = limbeck.evaluate(tmp_path / "made.safetensors", repeats=1, baselines=["random"], session=session)
    assert [row.protocol for row in rows] == ["lors"] * 2 and all(0 <= row.mean <= 1 for row in rows)


def test_what_is_not_of_pairs_is_refused_in_a_line(task: PairTask) -> None:
    digits = load("digits")
    problem = Problem(digits, digits.network("mlp-w4"), CPU, NoCache())
    batch = problem.real(KEY, 1)
    for ask, said in (
        (lambda: LikenessTargets().init(problem, batch, KEY), "likeness-targets: found digits, expected a task of pa"),
        (lambda: BranchTrajectory().init(problem, KEY), "branch-trajectory: found digits, of which one network sees"),
        (lambda: named("lors").learner(digits, problem.network), "protocol lors trains on pairs, and digits has none"),
        (lambda: ByLikeness().each(digits, torch.zeros(2, 10), torch.eye(10)[:2]), "training loss likeness: found dig"),
        (lambda: ByLikeness().each(task, torch.zeros(2, 8), torch.ones(2, 2)), r"pairs: found targets \(2, 2\)"),
    ):
        with pytest.raises(InputError, match=said) as found:
            ask()
        assert "\n" not in str(found.value)
