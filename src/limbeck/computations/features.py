"""The features of real examples under a network that has learned the real data a little."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.record import END
from limbeck.computations.sources import AllReal, training_count
from limbeck.computations.training import Training
from limbeck.core.contracts import Problem
from limbeck.learn.population import read
from limbeck.protocols import Epochs

LEAST_STEPS = 150
"""Small data sets are seen more often, until training has had this many steps."""
BATCH = 256
"""Images to a training step."""
CHUNK = 1000
"""Images read at once."""
SEED = 2_000_000
"""The seed of the feature network: no network that a set is evaluated with begins where it began."""

Features = Float[Tensor, "example feature"]


def feature_network(problem: Problem, epochs: int) -> Training:
    """The training of the network whose features select: SGD 0.01, momentum 0.9, shuffled batches of 256.

    For `epochs` epochs on the train split, or for as many as give 150 steps where that is more.
    """
    steps = -(-training_count(problem.task) // BATCH)
    protocol = Epochs(epochs=max(epochs, -(-LEAST_STEPS // steps)), batch=BATCH)
    return Training(AllReal(), SEED, protocol, reads=(), keeps=(END,))


def trained_features(problem: Problem, epochs: int) -> Callable[[Int[Tensor, " example"]], Features]:
    """A function from training rows to their features, on the CPU, under the feature network.

    It is trained once for a task and a network and kept: whatever selects by features selects by the same ones.
    """
    task, learner = problem.task, feature_network(problem, epochs).kept(ProbeContext(problem))

    def features(rows: Int[Tensor, " example"]) -> Features:
        chunks = [task.load("train", part).inputs for part in rows.split(CHUNK)]
        return torch.cat([read(problem, learner, chunk).features for chunk in chunks])

    return features
