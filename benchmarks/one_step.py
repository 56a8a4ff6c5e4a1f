"""What one step of training on a distilled batch does, claim by claim: digits and the cart-pole.

    python benchmarks/one_step.py --runs RUNS --out one-step.json [--rows 4 9 13]

Sets are distilled into RUNS by `limbeck`'s recipes, found again where they were made, and looked at from here: returns
over unseen initialisations, the losses of the set and of the task along lines and over planes, gradients and extreme
eigenvalues, barriers before and after units are brought into one order. A row is written as soon as it is there, and
not measured again. Returns: actions drawn from the policy unless "greedy" is said, 20 episodes of at most 500 steps for
each initialisation. A row says what was expected, what came out, n, an interval where there is one, and whether the
claim holds; intervals are of 95 %, by Student's distribution over initialisations or seeds.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

import limbeck
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Schedule
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.learn.alignment import aligned
from limbeck.learn.compiled import gradient_function_of
from limbeck.learn.curvature import flat, hessian
from limbeck.learn.directions import along, barrier, between, filter_normalised
from limbeck.learn.environments import returns
from limbeck.learn.sensitivity import gradient, mean_loss
from limbeck.learn.spectra import quadrature
from limbeck.learn.training import Learner, going_on, row_loader
from limbeck.options import compose
from limbeck.protocols import Epochs
from limbeck.recipes import recipe_for
from limbeck.statistics.estimates import interval
from limbeck.tasks import load

KEY = Key(("benchmarks", "one-step"))
CPU = torch.device("cpu")
EPISODES, FRESH = 20, 50
POLICY = "mlp-w64-tanh-policy"
DIGITS = "mlp-w64-tanh"


class Row(NamedTuple):
    """What a claim came to."""

    claim: str
    expected: str
    found: str
    n: str
    holds: str
    """holds, does not hold, or open."""


PAIRS = 20
"""Networks of one step and of real data between which errors are read."""


class Bench:
    """Where sets lie, and what was found."""

    def __init__(self, runs: Path) -> None:
        self.session = limbeck.Session(runs, device="cpu", workers=1)

    @functools.lru_cache(maxsize=64)  # noqa: B019
    def set(self, data: str, recipe: str, network: str, seed: int = 0, ipc: int = 1, **options: Any) -> DistilledSet:
        """A set, made or found."""
        made = compose(
            recipe_for(recipe, data, ipc), {name.replace("__", "."): value for name, value in options.items()}
        )
        return limbeck.distill(data, made, ipc=ipc, network=network, seed=seed, checks=0, session=self.session)


@functools.lru_cache(maxsize=16)
def problem(data: str, network: str) -> Problem:
    """A task and a network."""
    task = load(data)
    return Problem(task, task.network(network), CPU, NoCache())


def trained(
    on: Problem, made: DistilledSet | tuple[Batch, Schedule], start: Any, scale: float = 1.0, times: int = 1
) -> Any:
    """Parameters after the set's own training, its rates scaled, and the whole of it repeated."""
    batch, schedule = (made.batch, made.schedule) if isinstance(made, DistilledSet) else made
    schedule = schedule._replace(learning_rates=scale * schedule.learning_rates.repeat(times))
    gradient_of = gradient_function_of(on.trained_by(schedule))
    *_, end = going_on(on.task, gradient_of, Learner(start, {}), row_loader(on.task, batch), schedule, KEY, None)
    return end.params


def fresh(on: Problem, number: int) -> Any:
    """Initial parameters that no set was distilled with."""
    return on.network.init(KEY.fold("fresh", number))


def gathered(on: Problem, params: Any, key: Key, greedy: bool = False) -> float:
    """The mean return of a policy."""
    world = on.task.environment  # type: ignore[attr-defined]
    start = world.start(EPISODES, key)
    policy = lambda seen: on.network.apply(params, seen.float()).outputs  # noqa: E731
    return float(returns(world, policy, start, key.fold("luck"), greedy).mean())


def over(values: Sequence[float]) -> str:
    """A mean with its interval."""
    mean, low, high = interval(list(values))
    return (
        f"{mean:.1f} ({low:.1f} to {high:.1f})"
        if max(map(abs, values)) >= 10
        else f"{mean:.3g} ({low:.3g} to {high:.3g})"
    )


def set_loss(on: Problem, made: DistilledSet, params: Any) -> float:
    """The loss that training on the set goes down."""
    with torch.no_grad():
        return float(mean_loss(on.task, on.network, made.schedule.loss)(params, made.batch))


def real(on: Problem, split: str = "test") -> Batch:
    """Examples of the task."""
    return on.task.load(split)


def real_loss(on: Problem, params: Any, batch: Batch) -> float:
    """The task's loss."""
    with torch.no_grad():
        return float(mean_loss(on.task, on.network)(params, batch))


def accuracy(on: Problem, params: Any, batch: Batch) -> float:
    """The share that is named rightly."""
    with torch.no_grad():
        return float((on.network.apply(params, batch.inputs).outputs.argmax(1) == batch.classes).double().mean())


def percent_right(on: Problem, made: DistilledSet) -> float:
    """The test accuracy after the set's own training from where it says."""
    return 100 * accuracy(on, trained(on, made, made.initialisation), real(on))


def by_real_data(on: Problem, start: Any, epochs: int = 60) -> Any:
    """Parameters after training on all real data, by SGD with momentum."""
    batch = real(on, "train")
    schedule = Epochs(epochs=epochs, batch=64, learning_rate=0.05).schedule(None, len(batch.classes), KEY)
    *_, end = going_on(
        on.task, gradient_function_of(on), Learner(start, {}), row_loader(on.task, batch), schedule, KEY, None
    )
    return end.params


def cartpole_row(bench: Bench) -> Row:
    """4: unseen initialisations."""
    on, means = problem("cartpole", POLICY), []
    for seed in range(3):
        made = bench.set("cartpole", "one-step-es", POLICY, seed)
        means.append([gathered(on, trained(on, made, fresh(on, n)), KEY.fold("play", n)) for n in range(FRESH)])
    found = [sum(each) / FRESH for each in means]
    return Row(
        "one step on 2 pairs solves CartPole-v1 from unseen initialisations",
        "at least 495",
        ", ".join(f"{each:.1f}" for each in found) + " for seeds 0, 1, 2",
        f"{FRESH} initialisations a seed",
        "holds" if min(found) >= 495 else "does not hold",
    )


def random_row(bench: Bench) -> Row:
    """5: random data of equal shape."""
    on, made, found = problem("cartpole", POLICY), bench.set("cartpole", "one-step-es", POLICY, 0), []
    for n in range(FRESH):
        key = KEY.fold("random", n)
        batch = made.batch._replace(inputs=key.normal(*made.batch.inputs.shape), targets=key.fold(1).normal(2, 2))
        found.append(gathered(on, trained(on, (batch, made.schedule), fresh(on, n)), key))
    mean = sum(found) / FRESH
    return Row(
        "random pairs of equal shape and rate do nothing",
        "under 100",
        over(found),
        f"{FRESH} draws",
        "holds" if mean < 100 else "does not hold",
    )


def second_row(bench: Bench) -> Row:
    """6: a second step."""
    on, made = problem("cartpole", POLICY), bench.set("cartpole", "one-step-es", POLICY, 0)
    found = [gathered(on, trained(on, made, fresh(on, n), times=2), KEY.fold("play", n)) for n in range(FRESH)]
    return Row(
        "a second step on the same pairs destroys the policy",
        "under 50",
        over(found),
        f"{FRESH} initialisations",
        "holds" if sum(found) / FRESH < 50 else "does not hold",
    )


def transfer_row(bench: Bench) -> Row:
    """7: widths, and other initialisation scales."""
    made, said, means = bench.set("cartpole", "one-step-es", POLICY, 0), [], {}
    for network in [f"mlp-w{width}-tanh-policy" for width in (32, 128, 256)] + [
        "mlp-w64-tanh-orthogonal",
        "mlp-w64-tanh-xavier",
    ]:
        on = problem("cartpole", network)
        found = [gathered(on, trained(on, made, fresh(on, n)), KEY.fold("play", n)) for n in range(FRESH)]
        means[network] = sum(found) / FRESH
        said.append(f"{network} {over(found)}")
    widths = min(value for name, value in means.items() if name.endswith("policy"))
    scales = max(value for name, value in means.items() if not name.endswith("policy"))
    verdict = "holds" if widths >= 495 and scales < 450 else "does not hold"
    return Row(
        "it transfers over widths 32 to 256, and not over another initialisation scale",
        "widths at least 495; gain 1 and Xavier under 450",
        "; ".join(said),
        f"{FRESH} initialisations each",
        verdict,
    )


def rate_row(bench: Bench) -> Row:
    """8: the learning rate."""
    on, made, said, least = problem("cartpole", POLICY), bench.set("cartpole", "one-step-es", POLICY, 0), [], math.inf
    for scale in (0.25, 0.5, 1.0, 2.0):
        found = [gathered(on, trained(on, made, fresh(on, n), scale), KEY.fold("play", n)) for n in range(20)]
        least = min(least, sum(found) / 20)
        said.append(f"x {scale:g}: {over(found)}")
    return Row(
        "the learning rate may be a quarter to twice the learned one",
        "at least 450 at each",
        "; ".join(said),
        "20 initialisations each",
        "holds" if least >= 450 else "does not hold",
    )


def own_surface_row(bench: Bench) -> Row:
    """9: whether one-step weights are a minimum of the set's surface."""
    ratios, said = [], []
    for data, recipe, network in (("cartpole", "one-step-es", POLICY), ("digits", "one-step", DIGITS)):
        on, logs = problem(data, network), []
        made = bench.set(data, recipe, network, 0)
        starts = [made.initialisation] if made.initialisation is not None else [fresh(on, n) for n in range(20)]
        for start in starts:
            ratio = set_loss(on, made, trained(on, made, start)) / set_loss(on, made, start)
            logs.append(math.log10(ratio))
        ratios.append(10 ** (sum(logs) / len(logs)))
        said.append(f"{data}: x {ratios[-1]:.3g} (geometric mean of {len(logs)})")
    falls = [each < 1 for each in ratios]
    verdict = "does not hold" if not all(falls) else "holds"
    return Row(
        "the step ends in a minimum of the set's own surface: its loss falls",
        "false for the cart-pole (x 640)",
        "loss after over loss before: " + "; ".join(said),
        "20 initialisations; 1, the fixed one",
        verdict,
    )


def plane_row(bench: Bench) -> Row:
    """10: random planes of the true surface."""
    on, made = problem("cartpole", POLICY), bench.set("cartpole", "one-step-es", POLICY, 0)
    best, planes, size = 0, 10, 11
    centre = trained(on, made, fresh(on, 0))
    for plane in range(planes):
        across = [filter_normalised(centre, KEY.fold("plane", plane, side)) for side in range(2)]
        values = [
            gathered(on, along(centre, [2 * x / (size - 1) - 1, 2 * y / (size - 1) - 1], across), KEY.fold("on plane"))
            for x in range(size)
            for y in range(size)
        ]
        best += values[len(values) // 2] >= 0.98 * max(values)
    return Row(
        "the return is best at the one-step weights in random filter-normalised planes (11 x 11, radius 1)",
        "within 2 % of the best in at least 9 of 10 planes",
        f"in {best} of {planes}",
        f"{planes} planes, 1 policy",
        "holds" if best >= 9 else "does not hold",
    )


def line_row(bench: Bench) -> Row:
    """11 and 12: along the update."""
    on, made = problem("cartpole", POLICY), bench.set("cartpole", "one-step-es", POLICY, 0)
    shares, curves, losses = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0], [], []
    for n in range(10):
        start = fresh(on, n)
        end = trained(on, made, start)
        points = [between(start, end, share) for share in shares]
        curves.append([gathered(on, point, KEY.fold("play", n)) for point in points])
        losses.append([set_loss(on, made, point) for point in points])
    mean_return, mean_loss_ = torch.tensor(curves).mean(0), torch.tensor(losses).mean(0)
    lowest = shares[int(mean_loss_.argmin())]
    solved = next((share for share, value in zip(shares, mean_return.tolist(), strict=True) if value >= 490), None)
    said = ", ".join(
        f"{share:g}: {a:.0f} / {b:.2g}" for share, a, b in zip(shares, mean_return, mean_loss_, strict=True)
    )
    beyond = float(mean_return[shares.index(2.0)]) >= 0.98 * float(mean_return[shares.index(1.0)])
    verdict = "holds" if beyond and solved is not None and lowest < solved else "does not hold"
    return Row(
        "along the step the one-step weights are no optimum: the return is as good at twice the step, and the "
        "set's loss is lowest elsewhere",
        "return at 2 at least that at 1; set's loss lowest at about 0.05",
        f"share of the step: return / set's loss {said}; lowest loss at {lowest:g}, return 490 from {solved}",
        "10 initialisations",
        verdict,
    )


def digits_row(bench: Bench) -> Row:
    """13: one item a class, one step, fixed initialisation."""
    on, found = problem("digits", DIGITS), []
    for seed in range(3):
        made = bench.set("digits", "one-step", DIGITS, seed)
        found.append(percent_right(on, made))
    return Row(
        "digits, one item a class, soft labels, one step, fixed initialisation",
        "at least 80 %",
        ", ".join(f"{each:.1f}" for each in found) + " % for seeds 0, 1, 2",
        "3 sets, 360 test images",
        "holds" if min(found) >= 80 else "does not hold",
    )


def initialisation_row(bench: Bench) -> Row:
    """14: random initialisations are harder."""
    on = problem("digits", DIGITS)
    fixed, free = [], []
    for seed in range(3):
        made = bench.set("digits", "one-step", DIGITS, seed)
        fixed.append(percent_right(on, made))
        loose = bench.set("digits", "one-step", DIGITS, seed, objective__initialisations=0)
        free.append(100 * sum(accuracy(on, trained(on, loose, fresh(on, n)), real(on)) for n in range(20)) / 20)
    apart = [a - b for a, b in zip(fixed, free, strict=True)]
    low = interval(apart)[1]
    return Row(
        "a random initialisation is harder than a fixed one",
        "at least 5 points",
        f"fixed {over(fixed)}, random {over(free)}, apart {over(apart)} points",
        "3 sets each, 20 initialisations",
        "holds" if low > 5 else "open" if sum(apart) / 3 > 5 else "does not hold",
    )


def labels_row(bench: Bench) -> Row:
    """15: soft labels against hard ones."""
    on, apart = problem("digits", DIGITS), []
    for seed in range(5):
        soft, hard = (
            bench.set("digits", "soft-label-dd", DIGITS, seed, steps=1000, parameterization=part, **FASTER)
            for part in ("soft-targets", "pixels")
        )
        scores = [accuracy(on, trained(on, made, made.initialisation), real(on)) for made in (soft, hard)]
        apart.append(100 * (scores[0] - scores[1]))
    better = sum(each >= 0 for each in apart)
    return Row(
        "soft labels are at least as good as hard ones (three steps, cross-entropy)",
        "in 4 of 5 seeds",
        f"in {better} of 5; by {over(apart)} points",
        "5 seeds, 360 test images",
        "holds" if better >= 4 else "does not hold",
    )


FASTER = {
    "optimizer__learning_rate": 0.05,
    "schedule_optimizer__learning_rate": 0.05,
    "schedule__around__learning_rate": 0.1,
}


def items_row(bench: Bench) -> Row:
    """16: fewer items than classes."""
    on, said, means = problem("digits", DIGITS), [], {}
    for items in (10, 6, 2):
        found = []
        for seed in range(3):
            made = bench.set("digits", "one-step", DIGITS, seed, start__items=items)
            found.append(percent_right(on, made))
        means[items] = sum(found) / 3
        said.append(f"{items} items {over(found)} %")
    few, least = means[10] - means[6], means[10] - means[2]
    return Row(
        "half as many items as classes and one more (6 for 10) are enough",
        "6 within 5 points of 10; 2 at least 10 worse",
        "; ".join(said),
        "3 sets each",
        "holds" if few <= 5 and least >= 10 else "does not hold",
    )


def barrier_row(bench: Bench) -> Row:
    """17: one-step and real-trained networks are different modes."""
    on, shares, found = problem("digits", DIGITS), [index / 20 for index in range(21)], {"before": [], "after": []}
    batch = real(on)
    for n in range(PAIRS):
        loose = bench.set("digits", "one-step", DIGITS, n, objective__initialisations=0)
        ours, theirs = trained(on, loose, fresh(on, n)), by_real_data(on, fresh(on, 100 + n))
        for name, end in (("before", ours), ("after", aligned(on.network, ours, theirs, batch.inputs[:20]))):
            errors = [1 - accuracy(on, between(theirs, end, share), batch) for share in shares]
            found[name].append(100 * barrier(shares, errors))
    smaller = sum(found["after"]) < sum(found["before"])
    verdict = "holds" if interval(found["before"])[1] > 0 and smaller else "open"
    return Row(
        "one-step and real-trained networks are different modes: an error barrier, smaller after alignment",
        "above 0 before, smaller after",
        f"before {over(found['before'])}, after {over(found['after'])} points",
        f"{PAIRS} pairs of initialisations",
        verdict,
    )


def connected_row(bench: Bench) -> Row:
    """18: two one-step policies of one set."""
    on, made, lowest = problem("cartpole", POLICY), bench.set("cartpole", "one-step-es", POLICY, 0), []
    for n in range(10):
        ends = [trained(on, made, fresh(on, 2 * n + side)) for side in range(2)]
        lowest.append(min(gathered(on, between(*ends, index / 8), KEY.fold("play", n)) for index in range(9)))
    mean = sum(lowest) / 10
    return Row(
        "two one-step policies of one set are linearly connected",
        "false: lowest return on the line under 400 on average",
        f"{over(lowest)}, worst {min(lowest):.0f}",
        "10 pairs",
        "does not hold" if mean < 400 else "holds",
    )


def stationary_row(bench: Bench) -> Row:
    """19 and 20: the gradient and the least eigenvalue of the real loss."""
    on, ratios, least, falls = problem("digits", DIGITS), [], [], []
    batch = real(on, "train")
    for seed in range(3):
        made = bench.set("digits", "one-step", DIGITS, seed)
        ours, theirs = trained(on, made, made.initialisation), by_real_data(on, made.initialisation)
        norms = [float(flat(gradient(mean_loss(on.task, on.network), each, batch)).norm()) for each in (ours, theirs)]
        ratios.append(norms[0] / norms[1])
        ends = quadrature(hessian(on, ours, batch), 1, 60, KEY.fold("ends")).ends(1)
        least.append((float(ends[0, 0]), float(ends[0, 1]), float(ends[-1, 0])))
        falls.append(real_loss(on, by_real_data(on, ours, 5), batch) < real_loss(on, ours, batch))
    negative = all(value + bound < 0 for value, bound, _ in least)
    said = "; ".join(f"{low:.3g} (+- {bound:.1g}) to {high:.3g}" for low, bound, high in least)
    verdict = "holds" if min(ratios) > 10 and all(falls) and negative else "does not hold"
    return Row(
        "one-step weights are no minimum of the real loss: its gradient is not small, its least eigenvalue negative",
        "gradient norm over 10 x that of converged weights; sign not known before",
        f"gradient norms x {', '.join(f'{each:.2g}' for each in ratios)}; eigenvalues from {said}; five epochs of "
        f"real training lower the loss in {sum(falls)} of 3",
        "3 sets",
        verdict,
    )


def subset_row(bench: Bench) -> Row:
    """21: a random real subset at its best rate."""
    on, apart = problem("digits", DIGITS), []
    for seed in range(3):
        made = bench.set("digits", "one-step", DIGITS, seed)
        ours = accuracy(on, trained(on, made, made.initialisation), real(on))
        subset = on.real(KEY.fold("subset", seed), 1)
        rates = [
            made.schedule._replace(learning_rates=torch.tensor([10.0**power])) for power in torch.linspace(-2, 2, 17)
        ]
        # Its best rate is chosen on validation images.
        scores = [
            accuracy(on, trained(on, (subset, each), made.initialisation), real(on, "validation")) for each in rates
        ]
        best = rates[max(range(len(rates)), key=scores.__getitem__)]
        apart.append(100 * (ours - accuracy(on, trained(on, (subset, best), made.initialisation), real(on))))
    return Row(
        "a random real subset of as many images is worse by far, at its best rate",
        "by at least 20 points",
        f"by {over(apart)} points",
        "3 sets, 3 subsets",
        "holds" if min(apart) >= 20 else "does not hold",
    )


def untrained_row(bench: Bench) -> Row:
    """22: an untrained set has no minimum where the task has one."""
    on, above = problem("digits", DIGITS), 0
    theirs = by_real_data(on, fresh(on, 0))
    for draw in range(10):
        key = KEY.fold("untrained", draw)
        batch = Batch(key.normal(10, *on.task.shape), key.fold(1).normal(10, 10), torch.arange(10))  # type: ignore[misc]
        across = [filter_normalised(theirs, key.fold("side", side)) for side in range(2)]
        goal = bench.set("digits", "one-step", DIGITS, 0).schedule.loss
        with torch.no_grad():
            values = [
                float(mean_loss(on.task, on.network, goal)(along(theirs, [x / 5 - 1, y / 5 - 1], across), batch))
                for x in range(11)
                for y in range(11)
            ]
        above += values[60] > sorted(values)[60]
    return Row(
        "the surface of an untrained set has no minimum at real-trained weights",
        "loss there above the median of the plane",
        f"in {above} of 10 draws",
        "10 draws, 11 x 11 points",
        "holds" if above >= 9 else "does not hold",
    )


def cost_row(bench: Bench) -> Row:
    """23: the cost of a point of a surface."""
    on = problem("mnist", "convnet-w16")
    start = fresh(on, 0)
    whole, few = real(on, "train"), Batch(KEY.normal(6, 1, 28, 28), KEY.normal(6, 10), torch.arange(6))
    seconds = []
    for batch in (whole, few):
        parts = tree.split(batch.inputs, 500)
        begun = time.process_time()
        times = 1 if batch is whole else 20
        for _ in range(times):
            with torch.no_grad():
                for part in parts:
                    on.network.apply(start, part)
        seconds.append((time.process_time() - begun) / times)
    ratio = seconds[0] / seconds[1]
    return Row(
        "a point of the distilled surface costs far less than one of the real",
        "at least 100 times (818 s against 0.2 s)",
        f"{ratio:.0f} times ({seconds[0]:.2f} against {seconds[1]:.4f} CPU s; {len(whole.classes):,} images of MNIST "
        "against 6)",
        "1 point",
        "holds" if ratio >= 100 else "does not hold",
    )


def ensemble_row(bench: Bench) -> Row:
    """24: an ensemble of one-step models."""
    on, wins, said = problem("digits", DIGITS), 0, []
    batch = real(on)
    for seed in range(3):
        loose = bench.set("digits", "one-step", DIGITS, seed, objective__initialisations=0)
        with torch.no_grad():
            outputs = torch.stack(
                [on.network.apply(trained(on, loose, fresh(on, n)), batch.inputs).outputs for n in range(20)]
            )
        scores = [(each.argmax(1) == batch.classes).double().mean() for each in (*outputs, outputs.mean(0))]
        wins += bool(scores[-1] >= max(scores[:-1]))
        said.append(f"{100 * float(scores[-1]):.1f} against {100 * float(max(scores[:-1])):.1f}")
    return Row(
        "the mean of the logits of 20 one-step models is at least as good as the best of them",
        "at least as good",
        f"{', '.join(said)} %",
        "3 sets",
        "holds" if wins == 3 else "does not hold" if not wins else "open",
    )


def policy_gradient_row(bench: Bench) -> Row:
    """25: proximal policy optimisation in the outer loop."""
    on, said, means = problem("cartpole", POLICY), [], []
    for seed in range(3):
        made = bench.set("cartpole", "ppmo", POLICY, seed)
        found = [gathered(on, trained(on, made, fresh(on, n)), KEY.fold("play", n)) for n in range(FRESH)]
        means.append(sum(found) / FRESH)
        said.append(over(found))
    return Row(
        "a policy gradient in the outer loop works too",
        "at least 400",
        ", ".join(said) + " for seeds 0, 1, 2",
        f"{FRESH} initialisations a seed",
        "holds" if min(means) >= 400 else "does not hold",
    )


ROWS: dict[str, Callable[[Bench], Row]] = {
    "4": cartpole_row,
    "5": random_row,
    "6": second_row,
    "7": transfer_row,
    "8": rate_row,
    "9": own_surface_row,
    "10": plane_row,
    "11, 12": line_row,
    "13": digits_row,
    "14": initialisation_row,
    "15": labels_row,
    "16": items_row,
    "17": barrier_row,
    "18": connected_row,
    "19, 20": stationary_row,
    "21": subset_row,
    "22": untrained_row,
    "23": cost_row,
    "24": ensemble_row,
    "25": policy_gradient_row,
}
"""By their numbers among the claims; 1 to 3 are tests of the suite."""


def main() -> None:
    """Measure what is not there yet, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=Path, required=True, help="where sets are kept")
    options.add_argument("--out", type=Path, required=True, help="one-step.json, to which rows are added")
    options.add_argument("--rows", nargs="*", choices=sorted(ROWS), default=list(ROWS))
    given = options.parse_args()
    known: dict[str, dict[str, Any]] = json.loads(given.out.read_text()) if given.out.exists() else {}
    bench = Bench(given.runs)
    for number in given.rows:
        if number not in known:
            begun = time.process_time()
            known[number] = {**ROWS[number](bench)._asdict(), "cpu seconds": round(time.process_time() - begun, 1)}
            part = given.out.with_name(f"{given.out.name}.part")
            part.write_text(json.dumps(known, indent=1) + "\n")
            os.replace(part, given.out)
            print(f"{number}: {known[number]['holds']}", flush=True)
    print("| row | claim | expected | found | n | |\n| --- | --- | --- | --- | --- | --- |")
    for number in ROWS:
        if number in known:
            row = known[number]
            print(
                f"| {number} | {row['claim']} | {row['expected']} | {row['found']} | {row['n']} | **{row['holds']}** |"
            )


if __name__ == "__main__":
    main()
