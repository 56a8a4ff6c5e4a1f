"""Influence is what leaving an item out does: closed forms of least squares, its symmetries, and planted influences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from limbeck.codecs import Identity
from limbeck.computations import Mixture, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.leave_one_out import matrix, spread
from limbeck.core import tree
from limbeck.core.contracts import (
    AbstractCodec,
    AbstractNetwork,
    AbstractTask,
    Batch,
    Metric,
    NoCache,
    Problem,
    Readout,
)
from limbeck.core.family import from_spec
from limbeck.core.findings import Finding
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.probes.influence import Influence, distances
from limbeck.protocols import Epochs
from limbeck.statistics.correlation import correlations
from limbeck.tasks import load

CPU = torch.device("cpu")
KEY = Key(("influence",))
COUNT, INPUTS = 12, 3


@dataclass(frozen=True)
class Linear(AbstractNetwork):
    """outputs = inputs W, in float64."""

    name: str = "linear"

    def init(self, key: Key) -> Tree:
        return {"weight": key.normal(INPUTS, 2).double()}

    def statistics(self) -> Tree:
        return {}

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        return Readout(inputs, inputs @ params["weight"])

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[torch.Tensor, ...]:
        return (inputs,)

    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        return self.apply(params, inputs), {}


@dataclass(frozen=True)
class LeastSquares(AbstractTask):
    """Two outputs under squared error; every split holds the same examples."""

    name: str = "least-squares"
    classes: tuple[str, ...] = ("a", "b")
    shape: tuple[int, ...] = (INPUTS,)
    fingerprint: str = "least-squares"
    metrics: tuple[Metric, ...] = (Metric("accuracy", "fraction", True),)
    codec: AbstractCodec = Identity()

    def groups(self, split: str, by: str = "class") -> tuple[torch.Tensor, ...]:
        return torch.arange(COUNT // 2), torch.arange(COUNT // 2, COUNT)

    def load(self, split: str, rows: torch.Tensor | None = None) -> Batch:
        rows = torch.arange(COUNT) if rows is None else rows
        return Batch(*(leaf[rows] for leaf in points()))

    def network(self, name: str) -> AbstractNetwork:
        return Linear()

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs - targets).square().sum(1) / 2

    def evaluate(self, predict: Callable[[Tree], torch.Tensor], split: str, key: Key) -> dict[str, float]:
        return {}

    def measure(self, outputs: torch.Tensor, examples: Batch) -> dict[str, float]:
        return {"accuracy": float((outputs.argmax(-1) == examples.classes).double().mean())}


@dataclass
class Kept:
    """A memo in memory."""

    found: dict[str, Tree] = field(default_factory=dict)

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        if str(address) not in self.found:
            self.found[str(address)] = make()
        return tree.branch(self.found[str(address)], branch)


def points() -> Batch:
    # Columns nearly orthogonal and of mean square 2, so that 300 steps converge for every subset of all but one.
    inputs = torch.linalg.qr(KEY.fold("inputs").normal(COUNT, INPUTS).double()).Q * (2 * COUNT) ** 0.5
    targets = inputs @ KEY.fold("weight").normal(INPUTS, 2).double() + KEY.fold("noise").normal(COUNT, 2).double()
    return Batch(inputs, targets, torch.tensor([0] * (COUNT // 2) + [1] * (COUNT // 2)))


def context_of(batch: Batch, digest: str = "a") -> ProbeContext:
    schedule = Epochs().schedule(None, len(batch.classes), KEY)
    return ProbeContext(
        Problem(LeastSquares(), Linear(), CPU, Kept()), "set", BatchSet(digest, batch, schedule), "test"
    )


def squares(context: ProbeContext, weight: torch.Tensor) -> torch.Tensor:
    """The loss of each judged example under given weights."""
    return (context.examples.inputs @ weight - context.examples.targets).square().sum(1) / 2


def test_of_least_squares_it_is_the_closed_form_of_the_hat_matrix() -> None:
    batch = points()
    context = context_of(batch)
    x, y = batch.inputs, batch.targets
    inverse = torch.linalg.inv(x.T @ x)
    weight = inverse @ x.T @ y
    residuals, leverage = y - x @ weight, (x @ inverse * x).sum(1)
    downdated = [weight - inverse @ torch.outer(x[i], residuals[i]) / (1 - leverage[i]) for i in range(COUNT)]
    expected = torch.stack([squares(context, each) - squares(context, weight) for each in downdated])
    found = matrix(context, 0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    # On its own example: the residual of one left out is the residual over one less its leverage.
    own = residuals.square().sum(1) / 2 * ((1 - leverage) ** -2 - 1)
    torch.testing.assert_close(found.diagonal(), own, rtol=1e-4, atol=1e-4)
    assert bool((found.diagonal() > 0).all())
    torch.testing.assert_close(matrix(context, 1), found, rtol=1e-4, atol=1e-4)


def test_of_ridge_regression_it_is_the_closed_form_too() -> None:
    batch, weight_decay = points(), 0.4
    context = context_of(batch)
    x, y = batch.inputs, batch.targets
    for item in (0, 7):
        rest = tuple(each for each in range(COUNT) if each != item)
        found = context.outcome(Training(Mixture(rest), protocol=Steps(weight_decay=weight_decay)), "losses")[-1]
        # The mean over one item fewer and the same weight decay: the ridge of all items, at that weight, downdated.
        inverse = torch.linalg.inv(x.T @ x + (COUNT - 1) * weight_decay * torch.eye(INPUTS, dtype=torch.float64))
        weight = inverse @ x.T @ y
        residual, leverage = y[item] - x[item] @ weight, x[item] @ inverse @ x[item]
        downdated = weight - inverse @ torch.outer(x[item], residual) / (1 - leverage)
        torch.testing.assert_close(found, squares(context, downdated), rtol=1e-4, atol=1e-4)


def test_permuting_the_items_permutes_the_rows() -> None:
    batch = points()
    order = KEY.fold("order").permutation(COUNT)
    found = matrix(context_of(batch), 0)
    shuffled = matrix(context_of(Batch(*(leaf[order] for leaf in batch)), "b"), 0)
    torch.testing.assert_close(shuffled, found[order], rtol=1e-9, atol=1e-12)


def test_duplicates_have_equal_rows() -> None:
    batch = points()
    twice = Batch(*(torch.cat([leaf, leaf[3:4]]) for leaf in batch))
    found = matrix(context_of(twice), 0)
    torch.testing.assert_close(found[3], found[COUNT], rtol=1e-9, atol=1e-12)
    assert float((found[3] - found[4]).abs().max()) > 1e-3


@dataclass(frozen=True)
class Planted:
    """A memo of trainings whose losses are given: base - the sum of the effects of the items trained on."""

    effects: torch.Tensor
    noise: float = 0.0

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        training = from_spec(address["computation"])
        on = training.on
        items = range(len(self.effects)) if on.items is None else on.items
        effects = self.effects + self.noise * KEY.fold("noise", training.seed).normal(*self.effects.shape)
        losses = 2.0 - effects[list(items)].sum(0)
        if on.without_real:
            # Real examples help their own class alone, the more the earlier.
            losses = losses + (torch.arange(len(losses)) % 10 == on.without_real[0] // (on.real or 1)) * 0.1
        predictions = torch.zeros(1, len(losses), dtype=torch.int16)
        found = {"losses": losses[None], "predictions": predictions, "accuracy": torch.tensor([0.5])}
        return tree.branch(found, branch)


def planted(effects: Callable[[Batch, Batch], torch.Tensor], noise: float = 0.0) -> tuple[ProbeContext, torch.Tensor]:
    """A set of twenty digits, and the influences planted in it."""
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), CPU, NoCache())
    batch = problem.real(KEY, 2)
    context = ProbeContext(problem, "set", BatchSet("planted", batch, Epochs().schedule(None, 20, KEY)), "test")
    given = effects(batch, context.examples)
    return replace(context, problem=replace(problem, cache=Planted(given, noise))), given


def of_class(batch: Batch, examples: Batch) -> torch.Tensor:
    """Each helps its own class, one example more than the next, and harms others a little."""
    own = batch.classes[:, None] == examples.classes[None]
    strength = KEY.fold("strength").uniform(len(batch.classes), len(examples.classes))
    return torch.where(own, 0.2 + strength, -0.05 * strength)


def test_planted_influence_is_found() -> None:
    context, effects = planted(of_class)
    torch.testing.assert_close(matrix(context, 0).float(), effects, rtol=1e-4, atol=1e-4)
    found = Influence(repeated=5, added=4, baseline=7).find(context)
    assert Finding.of(found.document()) == found
    own = context.distilled.batch.classes[:, None] == context.examples.classes[None]
    expected = torch.stack([effects[i][own[i]].mean() for i in range(20)])
    assert found.table("items").column("mean influence in class") == pytest.approx(expected.tolist(), abs=1e-4)
    assert found.fact("mean influence out of class").value == pytest.approx(-0.025, abs=0.002)
    assert found.fact("in class of top 10").value == 1
    assert found.fact("seed correlation").value == pytest.approx(1, abs=1e-4)
    assert found.fact("additive correlation within class").value == pytest.approx(1, abs=1e-4)
    assert abs(found.fact("distance correlation within class").value) < 0.2
    assert (found.fact("seed correlation").n, found.fact("additive correlation").n) == (5, 4)
    assert found.verdict.startswith("Each image stands for something")
    top = next(row for row in found.table("examples").rows if row[:3] == (4, "helped", 1))
    place = int(effects[4].argmax())
    assert top[3] == int(context.rows[place]) and top[5] == pytest.approx(float(effects[4].max()), abs=1e-4)
    last = next(row for row in found.table("examples").rows if row[:3] == (4, "harmed", 1))
    assert last[3] == int(context.rows[int(effects[4].argmin())])


def test_listed_examples_have_their_influence_and_distance_and_half_of_a_sample_is_of_the_class() -> None:
    context, _ = planted(of_class)
    found = Influence(items=5, shown=3, scattered=9).find(context).table("examples")
    items = (0, 4, 8, 12, 16)
    influence, apart = matrix(context, 0, items), distances(context, items)
    where = {row: place for place, row in enumerate(context.rows.tolist())}
    for item, _, _, row, name, told, distance in found.rows:
        place = where[row]
        assert told == pytest.approx(float(influence[items.index(item), place]))
        assert distance == pytest.approx(float(apart[items.index(item), place]))
        assert name == context.problem.task.classes[int(context.examples.classes[place])]
    for item in items:
        own = context.problem.task.classes[int(context.distilled.batch.classes[item])]
        sample = [row for row in found.rows if row[:2] == (item, "sample")]
        assert [row[4] == own for row in sample] == [True] * 5 + [False] * 4
        assert len({row[3] for row in sample}) == 9


def test_influence_that_is_the_seeds_alone_is_called_so() -> None:
    context, _ = planted(lambda batch, examples: 0.01 * of_class(batch, examples).sign(), noise=1.0)
    found = Influence().find(context)
    assert abs(found.fact("seed correlation within class").value) < 0.1
    assert "does not repeat" in found.verdict


def test_influence_that_is_distance_is_called_similarity() -> None:
    def near(batch: Batch, examples: Batch) -> torch.Tensor:
        return -torch.cdist(batch.inputs.flatten(1), examples.inputs.flatten(1)) / 10

    context, _ = planted(near)
    found = Influence(baseline=3).find(context)
    assert found.fact("distance correlation").value == pytest.approx(-1, abs=1e-3)
    assert "is little more than similarity" in found.verdict
    direct = (
        context.problem.task.codec.decode(context.distilled.batch.inputs)[2]
        - context.problem.task.codec.decode(context.examples.inputs)[5]
    ).norm()
    assert float(distances(context, (2,))[0, 5]) == pytest.approx(float(direct), abs=1e-5)


def test_all_it_reads_is_among_its_computations() -> None:
    probe = Influence(items=8, repeated=3, added=2, baseline=4)
    context, _ = planted(of_class)
    asked = {str(context.address(each)) for each in probe.computations(context)}
    assert len(asked) == len(probe.computations(context)) == 2 + 1 + 8 + 3 + 2 + 4
    planted_memo = context.problem.cache

    class Watching:
        def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
            assert str(address) in asked
            return planted_memo.remember(address, make, branch)

    probe.find(replace(context, problem=replace(context.problem, cache=Watching())))


def test_one_image_has_nothing_to_be_held_against() -> None:
    context, _ = planted(of_class)
    single = replace(
        context, set=replace(context.distilled, batch=Batch(*(leaf[:1] for leaf in context.distilled.batch)))
    )
    assert Influence().computations(single) == ()
    assert Influence().find(single).tone == "unknown"


def test_a_set_of_one_class_and_losses_without_end_are_answered() -> None:
    context, _ = planted(of_class)
    pair = replace(
        context, set=replace(context.distilled, batch=Batch(*(leaf[:2] for leaf in context.distilled.batch)))
    )
    assert Influence(baseline=2).find(pair).tone == "note"
    endless, _ = planted(lambda batch, examples: of_class(batch, examples) * float("inf"))
    assert Influence().find(endless).tone == "unknown"


def test_correlations_are_pearson_s_over_what_is_named() -> None:
    from scipy import stats

    one, other = KEY.fold(1).normal(3, 40).double(), KEY.fold(2).normal(3, 40).double()
    within = KEY.fold(3).uniform(3, 40) < 0.5
    found = correlations(one, other, within)
    for row in range(3):
        expected = stats.pearsonr(one[row][within[row]], other[row][within[row]])[0]
        assert float(found[row]) == pytest.approx(float(expected), abs=1e-12)
    assert bool(correlations(torch.ones(1, 4), torch.rand(1, 4)).isnan().all())


def test_items_are_spread_over_all_classes() -> None:
    assert [item // 10 for item in spread(100, 20)] == sorted(list(range(10)) * 2)


def test_real_examples_but_one_are_those_but_that_one() -> None:
    context, _ = planted(of_class)
    every, rest = (Mixture((), 3, 1, without_real=left).batch(context) for left in ((), (4,)))
    assert torch.equal(rest.inputs, torch.cat([every.inputs[:4], every.inputs[5:]]))
    assert Mixture((), 3, 1, without_real=(4,)).count(context) == len(rest.classes) == 29
