"""How well the linear probe that a set gives reads held-out images on the encoder that the set was made for.

    python benchmarks/linear_probe.py SET [--draws 5] [--runs runs]

SET is a file of `limbeck distill --recipe clp`. Its probe is the ridge regression of the recipe on the encoder's
features, in closed form, so that nothing is trained but the encoder, which the store has. Beside it stand, as many
items of each class: random real images over some draws; means of features, each over a part of the class, which are no
images; and what all real data come to: the regression on all of them, and the encoder's own last layer. Accuracies are
of validation images.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import torch
from torch import Tensor

import limbeck
from limbeck.core.contracts import Batch, Problem
from limbeck.core.family import from_spec
from limbeck.core.key import Key
from limbeck.learn.population import read
from limbeck.learn.ridge import ridge_outputs
from limbeck.objectives import LinearProbe
from limbeck.objectives.linear_probe import encoder_of
from limbeck.starts import Real
from limbeck.statistics.estimates import interval
from limbeck.tasks import reload

KEY = Key(("benchmarks", "linear-probe"))


class Held(NamedTuple):
    """What probes are asked about."""

    features: Tensor
    classes: Tensor


def accuracy(outputs: Tensor, held: Held) -> float:
    """The share of examples whose largest output is that of their class."""
    return float((outputs.argmax(1) == held.classes).double().mean())


def parts_of(features: Tensor, targets: Tensor, classes: Tensor, count: int, key: Key) -> tuple[Tensor, Tensor]:
    """The means of `count` random parts of each class, features and targets."""
    means = []
    for label in classes.unique().tolist():
        rows = (classes == label).nonzero()[:, 0]
        for part in rows[key.fold(label).permutation(len(rows))].tensor_split(count):
            means.append((features[part].mean(0), targets[part].mean(0)))
    return torch.stack([mean[0] for mean in means]), torch.stack([mean[1] for mean in means])


def rows(problem: Problem, objective: LinearProbe, made: Batch, draws: int) -> dict[str, list[float]]:
    """The accuracies of each way of making a probe."""
    encoder = encoder_of(problem, objective.epochs).learner
    validation, real = problem.task.load("validation"), problem.task.load("train")
    readout = read(problem, encoder, validation.inputs)
    held, known = Held(readout.features, validation.classes), read(problem, encoder, real.inputs).features
    per_class = int(made.classes.bincount().max())

    def probed(features: Tensor, targets: Tensor) -> float:
        return accuracy(ridge_outputs(held.features, features, targets, objective.ridge), held)

    random = [
        Real().pick(problem, per_class, KEY.fold("random", draw)).to(torch.device("cpu")) for draw in range(draws)
    ]
    means = [parts_of(known, real.targets, real.classes, per_class, KEY.fold("means", draw)) for draw in range(draws)]
    primal = known.double().T @ known.double()
    ridge = objective.ridge * primal.trace() / len(known) * torch.eye(len(primal), dtype=primal.dtype)
    whole = torch.linalg.solve(primal + ridge, known.double().T @ real.targets.double())
    return {
        "the set": [probed(read(problem, encoder, made.inputs).features, made.targets)],
        "random": [probed(read(problem, encoder, each.inputs).features, each.targets) for each in random],
        "means of features": [probed(*each) for each in means],
        "all real data": [accuracy(held.features.double() @ whole, held)],
        "the encoder's last layer": [accuracy(readout.outputs, held)],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("set", help="the file")
    parser.add_argument("--draws", type=int, default=5, help="draws of real images, and of parts")
    parser.add_argument("--runs", default="runs", help="the store")
    asked = parser.parse_args()
    made = limbeck.DistilledSet.load(asked.set)
    objective = from_spec(made.spec["recipe"]["objective"])
    if not isinstance(objective, LinearProbe):
        raise SystemExit(f"{asked.set}: found a set of another objective, expected one of linear-probe")
    with limbeck.Session(asked.runs) as session:
        problem = session.problem(reload(made.data, session.data_root), str(made.spec["network"]))
        print("| probe by | accuracy, % |\n| --- | --- |")
        for name, found in rows(problem, objective, made.batch, asked.draws).items():
            said = f"{100 * found[0]:.1f}"
            if len(found) > 1:
                mean, low, high = interval(found)
                said = f"{100 * mean:.1f} ({100 * low:.1f} to {100 * high:.1f}), n {len(found)}"
            print(f"| {name} | {said} |")


if __name__ == "__main__":
    main()
