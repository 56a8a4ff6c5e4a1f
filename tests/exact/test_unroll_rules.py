"""Any rule, and any source, unrolled: hypergradients equal double backward through the same training, written out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, Schedule
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.rules import INNER_OPTIMIZERS, AdamRule, HeavyBall
from limbeck.learn.sensitivity import Loss, mean_loss
from limbeck.learn.training import fit, row_loader, rows_of
from limbeck.learn.unroll import InnerState, View, advance, initial_state, rows_of_batch, unroll
from limbeck.tasks import load

KEY = Key(("unroll", "rules"))
CPU = torch.device("cpu")
Named = dict[str, Tensor]
Train = Callable[..., InnerState]


def normal(name: str, *shape: int) -> Tensor:
    return KEY.fold(name).normal(*shape).double()


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


ADAM = AdamRule(number(0.8), number(0.95), number(1e-3), number(0.02))


def heavy_ball(rule: HeavyBall, p: Tensor, g: Tensor, state: list[Tensor], rate: Tensor, step: int) -> list[Tensor]:
    velocity = rule.momentum * state[0] + g + rule.weight_decay * p
    return [p - rate * velocity, velocity]


def adam(rule: AdamRule, p: Tensor, g: Tensor, state: list[Tensor], rate: Tensor, step: int) -> list[Tensor]:
    g = g + rule.weight_decay * p
    m = rule.beta1 * state[0] + (1 - rule.beta1) * g
    s = rule.beta2 * state[1] + (1 - rule.beta2) * g**2
    unbiased = m / (1 - rule.beta1**step), s / (1 - rule.beta2**step)
    return [p - rate * unbiased[0] / (unbiased[1].sqrt() + rule.epsilon), m, s]


def literal(
    loss: Loss,
    start: InnerState,
    source: Tree,
    schedule: Schedule,
    steps: range | None = None,
    view: View = rows_of_batch,
) -> InnerState:
    """The same training with a graph through every step, each rule written out by hand."""
    params = dict(start.params)
    is_adam = isinstance(schedule.rule, AdamRule)
    parts = ("first", "second") if is_adam else ()
    carried = {name: [start.optimizer_state[part][name] for part in parts] for name in params}
    if not is_adam:
        carried = {name: [start.optimizer_state[name]] for name in params}
    count = int(start.optimizer_state["count"]) if is_adam else 0
    for step in range(len(schedule.learning_rates)) if steps is None else steps:
        count += 1
        seen = view(source, rows_of(schedule, step), step)
        held = {name: leaf if leaf.requires_grad else leaf.requires_grad_() for name, leaf in params.items()}
        gradients = torch.autograd.grad(loss(held, seen), list(held.values()), create_graph=True)
        for (name, leaf), g in zip(held.items(), gradients, strict=True):
            by_hand = adam if is_adam else heavy_ball
            rate = schedule.learning_rates[step]
            params[name], *carried[name] = by_hand(schedule.rule, leaf, g, carried[name], rate, count)
    state: Tree = {name: left[0] for name, left in carried.items()}
    if is_adam:
        state = {part: {name: left[index] for name, left in carried.items()} for index, part in enumerate(parts)}
        state["count"] = torch.tensor(count)
    return InnerState(params, state)


def setting(rule: AdamRule | HeavyBall, count: int = 0) -> tuple[Loss, InnerState, Batch, Schedule]:
    """Six steps of a small smooth network on minibatches of two lengths, under soft targets."""
    task = load("digits")
    network = task.network("convnet-w4-d1-none-tanh")
    params = tree.map(lambda leaf: leaf.double(), network.init(KEY.fold("init")))
    state = rule.init(params)
    if count:
        state = {
            "first": tree.map(lambda leaf: 0.01 * KEY.fold("first").normal(*leaf.shape).double(), params),
            "second": tree.map(lambda leaf: 1e-4 * KEY.fold("second").uniform(*leaf.shape).double() + 1e-4, params),
            "count": torch.tensor(count),
        }
    batch = Batch(normal("images", 7, 1, 8, 8), normal("targets", 7, 10).softmax(1), torch.arange(7))
    order = torch.tensor([[0, 3, 1, 6], [2, 4, 5, -1]])
    rates = 0.01 + 0.03 * KEY.fold("rates").uniform(6).double()
    return mean_loss(task, network), InnerState(params, state), batch, Schedule(rates, order, tree.detach(rule))


def learned(start: InnerState, source: Tree, schedule: Schedule) -> Named:
    flat = tree.flatten({"start": start, "source": source, "schedule": schedule})
    return {path: leaf.requires_grad_() for path, leaf in flat.items() if leaf.is_floating_point()}


def score(state: InnerState) -> Tensor:
    """A smooth number of parameters and what the rule carries."""
    carried = [leaf for leaf in tree.leaves(state.optimizer_state) if leaf.is_floating_point()]
    return tree.dot(state.params, state.params) + 10 * tree.norm(carried).sin()


def hypergradient(train: Train, arguments: tuple, **options: object) -> Named:
    loss, *rest = arguments
    start, source, schedule = tree.map(lambda leaf: leaf.detach().clone(), rest)
    free = learned(start, source, schedule)
    value = score(train(loss, start, source, schedule, **options))
    return dict(zip(free, torch.autograd.grad(value, list(free.values()), materialize_grads=True), strict=True))


def check(found: Named, expected: Named, of: str = "", limit: float = 1e-8) -> None:
    assert found.keys() == expected.keys()
    for path, leaf in expected.items():
        if path.startswith(of):
            assert float((found[path] - leaf).norm()) <= limit * float(leaf.norm()), path


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("keep", [None, 1])
def test_adam_equals_double_backward_through_its_training(count: int, keep: int | None) -> None:
    arguments = setting(ADAM, count)
    expected = hypergradient(literal, arguments)
    check(hypergradient(unroll, arguments, keep=keep), expected)
    # In images, soft targets, every learning rate and every hyper-parameter, none of them zero.
    named = {
        "source/inputs",
        "source/targets",
        "schedule/learning_rates",
        *(f"schedule/rule/{n}" for n in ADAM._fields),
    }
    assert named <= expected.keys()
    assert all(float(expected[path].norm()) > 1e-6 for path in named)
    assert bool((expected["schedule/learning_rates"] != 0).all())


@pytest.mark.parametrize("rule", [HeavyBall(number(0.8), number(0.05)), ADAM], ids=["heavy-ball", "adam"])
def test_a_truncated_window_is_double_backward_that_stops_there(rule: AdamRule | HeavyBall) -> None:
    def truncated(train: Train) -> Train:
        def run(loss: Loss, start: InnerState, source: Tree, schedule: Schedule) -> InnerState:
            before = advance(loss, start, source, schedule, range(2))
            return train(loss, before, source, schedule, range(2, 5))

        return run

    found, expected = (hypergradient(truncated(train), setting(rule)) for train in (unroll, literal))
    check(found, expected, "source")
    check(found, expected, "schedule")
    assert found["schedule/learning_rates"].nonzero().flatten().tolist() == [2, 3, 4]


@pytest.mark.parametrize("rule", [HeavyBall(number(0.8), number(0.05)), ADAM], ids=["heavy-ball", "adam"])
def test_a_source_that_is_not_the_batch_equals_double_backward_through_its_views(rule: AdamRule | HeavyBall) -> None:
    loss, start, _, schedule = setting(rule)
    # Two stored items of 16 numbers, each of which a step renders as four by linear maps of its own.
    source = {"stored": normal("stored", 2, 16), "logits": normal("logits", 2, 10)}
    order = torch.tensor([[0, 3, 5, 6], [1, 2, 4, -1], [7, 0, -1, -1]])
    schedule = schedule._replace(order=order)

    def view(source: Tree, rows: Tensor, step: int) -> Batch:
        maps = normal(f"maps {step}", 4, 16, 64) / 4
        inputs = torch.einsum("nf,kfp->nkp", source["stored"], maps).reshape(8, 1, 8, 8)
        targets = source["logits"].softmax(1).repeat_interleave(4, 0)
        return rows_of_batch(Batch(inputs, targets, torch.arange(2).repeat_interleave(4)), rows, step)

    found, expected = (hypergradient(train, (loss, start, source, schedule), view=view) for train in (unroll, literal))
    check(found, expected)
    assert min(float(expected[f"source/{name}"].norm()) for name in source) > 1e-3


@pytest.mark.parametrize("part", [pytest.param(part(), id=name) for name, part in INNER_OPTIMIZERS.parts.items()])
def test_every_rule_advances_unrolls_and_fits_to_the_same_bits(part: object) -> None:
    task = load("digits")
    network, batch = task.network("convnet-w4-d1"), task.load("train", torch.arange(30))
    rule = part.rule()  # type: ignore[attr-defined]
    schedule = Schedule(torch.full((6,), 0.02), torch.arange(30).view(3, 10).flip(1), rule)
    learner = fit(task, network, row_loader(task, batch), schedule, KEY, CPU)
    start, loss = initial_state(network.init(KEY.fold("init")), rule), mean_loss(task, network)
    for train in (advance, unroll):
        end = train(loss, start, batch, schedule)
        assert all(torch.equal(end.params[path], leaf) for path, leaf in learner.params.items())
    whole = tree.leaves(advance(loss, start, batch, schedule))
    parted = tree.leaves(advance(loss, advance(loss, start, batch, schedule, range(4)), batch, schedule, range(4, 6)))
    assert all(map(torch.equal, whole, parted))


def test_what_adam_never_gets_a_gradient_for_stays_and_breaks_nothing() -> None:
    loss, start, batch, schedule = setting(ADAM._replace(weight_decay=number(0.0)))
    unused = normal("unused", 3)
    start = initial_state({**start.params, "unused": unused.requires_grad_()}, schedule.rule)
    batch.inputs.requires_grad_()
    end = unroll(loss, start, batch, schedule)
    assert torch.equal(end.params["unused"], unused)
    by_unused, by_inputs = torch.autograd.grad(score(end), [unused, batch.inputs])
    assert torch.equal(by_unused, 2 * unused.detach())
    assert bool(by_inputs.isfinite().all()) and bool(by_inputs.any())
