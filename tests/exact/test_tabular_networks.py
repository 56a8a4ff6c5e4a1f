"""Networks for rows are their formulas; means and covariances of classes are the dense ones."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.networks import VECTORS, Network, build
from limbeck.objectives import CovarianceDistribution
from limbeck.objectives.covariance_distribution import moments
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY, CPU = Key(("rows",)), torch.device("cpu")
NETWORKS = ("dcn", "lnres", "node")
TASK = load("digits")


def network(name: str, numbers: int = 5, classes: int = 3) -> tuple[Network, dict[str, Tensor], Tensor]:
    """A network of rows, parameters of one learner that are none of them 0 or 1, and rows, in float64."""
    made = build(name, (numbers,), classes, VECTORS)
    params = {
        each: leaf.double() + 0.1 * KEY.fold(each).normal(*leaf.shape).double() for each, leaf in made.init(KEY).items()
    }
    return made, params, KEY.fold("rows").normal(7, numbers).double()


def normed(rows: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    variance, mean = torch.var_mean(rows, 1, correction=0, keepdim=True)
    return (rows - mean) / (variance + 1e-5).sqrt() * scale + shift


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_cross_layers_are_products_with_the_row(norm: str) -> None:
    made, params, rows = network("dcn-w4-d2" + "-none" * (norm == "none"))
    crossed = rows
    for layer in range(2):
        weight, bias = (params[f"crosses.layers.{layer}.{kind}"] for kind in ("weight", "bias"))
        mixed = [sum(weight[i, j] * crossed[:, j] for j in range(5)) + bias[i] for i in range(5)]
        crossed = torch.stack([rows[:, i] * mixed[i] + crossed[:, i] for i in range(5)], 1)
    if norm == "layer":
        crossed = normed(crossed, params["norm.weight"], params["norm.bias"])
    features = (crossed @ params["hidden.weight"].T + params["hidden.bias"]).clamp(min=0)
    torch.testing.assert_close(made.apply(params, rows).features, features)


def test_without_weights_a_cross_layer_changes_nothing_and_is_of_one_degree_more() -> None:
    made, params, rows = network("dcn-d1-none")
    plain = {name: torch.zeros_like(leaf) if "crosses" in name else leaf for name, leaf in params.items()}
    features = (rows @ params["hidden.weight"].T + params["hidden.bias"]).clamp(min=0)
    torch.testing.assert_close(made.apply(plain, rows).features, features)
    # Without biases and with one unit that reads a number, it is x^2 w + x.
    square = {**plain, "crosses.layers.0.weight": torch.eye(5).double(), "hidden.bias": plain["hidden.bias"] * 0}
    square["hidden.weight"] = torch.zeros_like(square["hidden.weight"])
    square["hidden.weight"][0, 2] = 1.0
    found = made.apply(square, rows).features[:, 0]
    torch.testing.assert_close(found, (rows[:, 2].square() + rows[:, 2]).clamp(min=0))


def test_residual_rows_are_their_formula() -> None:
    made, params, rows = network("lnres-w6-d2")
    x = rows @ params["enter.weight"].T + params["enter.bias"]
    for block in ("block1", "block2"):
        inner = normed(x, params[f"{block}.norm.weight"], params[f"{block}.norm.bias"])
        inner = (inner @ params[f"{block}.inner.weight"].T + params[f"{block}.inner.bias"]).clamp(min=0)
        x = x + inner @ params[f"{block}.outer.weight"].T + params[f"{block}.outer.bias"]
    features = normed(x, params["norm.weight"], params["norm.bias"]).clamp(min=0)
    torch.testing.assert_close(made.apply(params, rows).features, features)


def test_a_tree_is_the_mean_of_its_leaves_by_the_answers_on_the_way() -> None:
    made, params, rows = network("node-w2-d3")
    choices, thresholds, heats, leaves = (
        params[f"trees.{name}"] for name in ("choices", "thresholds", "temperatures", "leaves")
    )
    found = made.apply(params, rows).features.tolist()
    mixed = torch.einsum("tdn,en->etd", choices.softmax(2), rows) - thresholds
    answers = (1 / (1 + torch.exp(-mixed * torch.exp(-heats)))).tolist()
    for row, one in itertools.product(range(len(rows)), range(2)):
        yes, expected = answers[row][one], 0.0
        for leaf, value in enumerate(leaves[one].tolist()):
            # Leaves are doubled at each depth, those of "yes" behind: the last decision is the highest bit.
            way = [(leaf >> depth) & 1 for depth in range(3)]
            expected += value * math.prod(p if right else 1 - p for p, right in zip(yes, way, strict=True))
        assert found[row][one] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_rows_have_48_features_and_can_be_stacked_and_differentiated_twice(name: str) -> None:
    assert build(name, (9,), 4, VECTORS).apply(
        build(name, (9,), 4, VECTORS).init(KEY), torch.ones(2, 9)
    ).features.shape == (2, 48)
    made, params, rows = network(f"{name}-w3-d1")
    single = [params, tree.map(lambda leaf: 1.1 * leaf, params)]

    def size(params: dict[str, Tensor], rows: Tensor) -> Tensor:
        return made.apply(params, rows).outputs.square().sum()

    found = vmap(grad(size), in_dims=(0, None))(tree.map(lambda *leaves: torch.stack(leaves), *single), rows)
    for index, each in enumerate(single):
        for leaf, expected in grad(size)(each, rows).items():
            torch.testing.assert_close(found[leaf][index], expected)
    asked = rows[:2].clone().requires_grad_()
    held = {each: leaf.requires_grad_() for each, leaf in tree.map(torch.clone, params).items()}
    assert torch.autograd.gradgradcheck(lambda rows, *_: made.apply(held, rows).outputs, (asked, *held.values()))


def test_what_is_no_row_and_what_is_too_deep_is_refused() -> None:
    with pytest.raises(InputError, match="network dcn: it takes vectors, and these inputs are images"):
        build("dcn", (1, 8, 8), 3)
    with pytest.raises(InputError, match=r"network node of depth 11 has 2\^11 leaves a tree; choose .* at most 10"):
        build("node-d11", (4,), 3, VECTORS)


def rows_of(count: int, features: int, key: Key) -> tuple[Tensor, Tensor]:
    return key.normal(count, features).double(), key.fold("classes").permutation(count) % 3


def test_moments_are_the_dense_ones_of_each_class_whatever_the_order() -> None:
    values, classes = rows_of(14, 4, KEY)
    means, covariances = moments(values, classes, 3)
    for label in range(3):
        mine = values[classes == label]
        torch.testing.assert_close(means[label], mine.mean(0))
        torch.testing.assert_close(covariances[label], torch.cov(mine.T, correction=0))
    order = KEY.fold("order").permutation(14)
    for found, expected in zip(moments(values[order], classes[order], 3), (means, covariances), strict=True):
        torch.testing.assert_close(found, expected)


def problem(width: int = 4) -> Problem:
    return Problem(TASK, TASK.network(f"mlp-w{width}"), CPU, NoCache())


def shown(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, Epochs().schedule(None, len(batch.classes), KEY))


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_the_loss_is_the_sum_over_classes_of_both_distances(weight: float) -> None:
    on, objective = problem(), CovarianceDistribution(weight=weight, per_class=6)
    batch = on.real(KEY.fold("set"), 3)
    params, real = on.network.init(KEY.fold("network")), on.real(KEY.fold("real"), 6)
    expected = torch.zeros(())
    for label in range(10):
        of = [on.network.apply(params, each.inputs[each.classes == label]).features for each in (real, batch)]
        expected = expected + (of[0].mean(0) - of[1].mean(0)).square().sum()
        expected = (
            expected + weight * (torch.cov(of[0].T, correction=0) - torch.cov(of[1].T, correction=0)).square().sum()
        )
    torch.testing.assert_close(objective.loss({}, on, shown(batch), KEY), expected, rtol=1e-4, atol=1e-6)
    # The same rows on both sides, in any order, are no distance apart.
    order = KEY.fold("order").permutation(len(real.classes))
    same = on.task.take(real, order)
    assert float(objective.loss({}, on, shown(same), KEY)) < 1e-8


def test_one_item_of_a_class_has_no_covariance_to_learn_by() -> None:
    on, batch = problem(), problem().real(KEY.fold("set"), 1)
    inputs = batch.inputs.clone().requires_grad_()
    slopes = [
        torch.autograd.grad(
            CovarianceDistribution(weight=weight, per_class=5).loss({}, on, shown(batch._replace(inputs=inputs)), KEY),
            inputs,
        )[0]
        for weight in (0.0, 9.0)
    ]
    torch.testing.assert_close(slopes[0], slopes[1])


def test_each_step_draws_one_of_the_networks_that_are_named() -> None:
    on, batch = problem(), problem().real(KEY.fold("set"), 2)
    names = ("mlp-w3", "mlp-w5")
    objective = CovarianceDistribution(per_class=4, networks=names)
    assert objective.init(on, KEY) == {}
    drawn = set()
    for step in range(12):
        key = KEY.fold(step)
        found = float(objective.loss({}, on, shown(batch), key))
        own = [
            float(
                CovarianceDistribution(per_class=4).loss({}, replace(on, network=TASK.network(name)), shown(batch), key)
            )
            for name in names
        ]
        assert found in own
        drawn.add(own.index(found))
    assert drawn == {0, 1}
    with pytest.raises(InputError, match="network dcn: it takes vectors"):
        CovarianceDistribution(networks=("dcn",)).init(on, KEY)
    with pytest.raises(InputError, match="networks: found .*module:mine.net.*expected names of"):
        CovarianceDistribution(networks=("module:mine.net",))
    with pytest.raises(InputError, match="weight: found -1"):
        CovarianceDistribution(weight=-1)
