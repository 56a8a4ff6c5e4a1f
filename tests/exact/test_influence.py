"""Influence is what leaving an item out does: closed forms of least squares, its symmetries, and planted influences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from limbeck.codecs import Identity
from limbeck.computations import Mixture, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.leave_one_out import beside_others, matrix
from limbeck.core import tree
from limbeck.core.contracts import (
    AbstractCodec,
    AbstractNetwork,
    AbstractTask,
    Batch,
    Metric,
    Problem,
    Readout,
)
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.protocols import Epochs
from limbeck.statistics.correlation import correlations
from limbeck.statistics.estimates import estimate
from limbeck.statistics.repeatability import over_draws, repeated

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


def test_correlations_are_pearson_s_over_what_is_named() -> None:
    from scipy import stats

    one, other = KEY.fold(1).normal(3, 40).double(), KEY.fold(2).normal(3, 40).double()
    within = KEY.fold(3).uniform(3, 40) < 0.5
    found = correlations(one, other, within)
    for row in range(3):
        expected = stats.pearsonr(one[row][within[row]], other[row][within[row]])[0]
        assert float(found[row]) == pytest.approx(float(expected), abs=1e-12)
    assert bool(correlations(torch.ones(1, 4), torch.rand(1, 4)).isnan().all())


def test_items_are_spread_over_all_classes_and_never_alone_in_theirs() -> None:
    classes = torch.arange(10).repeat_interleave(10)
    assert [item // 10 for item in beside_others(classes, 20)] == sorted(list(range(10)) * 2)
    assert [item // 10 for item in beside_others(classes, 6)] == [0, 0, 3, 3, 6, 6]
    assert beside_others(classes) == tuple(range(100)) and beside_others(torch.arange(10)) == ()
    assert beside_others(torch.tensor([3, 1, 3, 2]), 20) == (0, 2)


def test_repeating_is_with_itself_and_with_others_of_the_class() -> None:
    classes, of = torch.tensor([0, 0, 1]), torch.tensor([0] * 30 + [1] * 9)
    one, other = KEY.fold("one").normal(3, 39).double(), KEY.fold("other").normal(3, 39).double()
    found = repeated(one, other, classes, of)
    table = torch.corrcoef(torch.cat([one[:2, :30], other[:2, :30]]))[:2, 2:]
    torch.testing.assert_close(found.own[:2], table.diagonal())
    torch.testing.assert_close(found.others[:2], (table[0, 1] + table[1, 0]).expand(2) / 2)
    assert bool(found.own[2].isnan())


def test_numbers_over_draws_have_the_intervals_of_their_means() -> None:
    values = [1.0, 4.0, 7.0]
    found = over_draws(lambda draws: {"mean": sum(values[each] for each in draws) / len(draws)}, 3)
    assert found["mean"].n == 3
    assert found["mean"][1:4] == pytest.approx(estimate("mean", values)[1:4])
