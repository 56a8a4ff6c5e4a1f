"""Distillation by scikit-learn's habit: an estimator that learns from a few synthetic rows of a table of numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from limbeck.codecs.standardised import Standardised
from limbeck.composition import Recipe
from limbeck.computations.experts import followed
from limbeck.core.contracts import AbstractProtocol, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.threads import computing_by
from limbeck.distillation import Distillation, distill
from limbeck.judging import judged_by
from limbeck.learn.training import Learner, fit, row_loader
from limbeck.recipes import recipe_for
from limbeck.runs.needs import needs_of
from limbeck.runs.plan import Plan, dress
from limbeck.state import Unkept
from limbeck.tasks.labelled import Labelled
from limbeck.tasks.vectors import VectorTask

CPU = torch.device("cpu")
NAME = "rows in memory"
SEEDS = 2**31 - 1


class DistilledClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Distil a table of numbers into a few synthetic rows of each class, and classify by networks trained on those.

    Everything is done in this process and nothing is kept on disk.

    Args:
        recipe: The name of a method that needs nothing computed before ("dm", "rfad", "random", ...), or a `Recipe`.
        ipc: How many synthetic rows of each class; fewer where the smallest class has fewer rows.
        network: For vectors: "mlp-w32", or "module:PACKAGE.FACTORY".
        steps: Steps of the distillation; None: as many as were published, which is long.
        learners: Networks that are trained on the synthetic rows, whose probabilities are averaged.
        random_state: As in scikit-learn.

    After `fit`, `distilled_` is the `DistilledSet`, `classes_` are the labels in the order of `predict_proba`.
    """

    def __init__(
        self,
        recipe: str | Recipe = "dm",
        ipc: int = 1,
        *,
        network: str = "mlp-w32",
        steps: int | None = 200,
        learners: int = 3,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.recipe = recipe
        self.ipc = ipc
        self.network = network
        self.steps = steps
        self.learners = learners
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> DistilledClassifier:
        """Distil X (example, number) with labels y (example,), and train the learners.

        Raises ValueError for what scikit-learn refuses, and InputError, which is one, for unknown names and for a
        recipe that needs something computed before.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        if self.learners < 1:
            raise InputError(f"learners {self.learners}: expected at least one")
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError("y: found one class, expected at least two; a classifier can't train when only one class")
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        plan = self._plan(torch.tensor(X), torch.tensor(labels), seed)
        task, device = plan.task, CPU
        problem = Problem(task, task.network(self.network), device, NoCache())
        run = Distillation(problem, plan.recipe, plan.ipc, Key(("distill", seed)), checks=0)
        self.distilled_ = dress(plan, plan.spec_on(device), distill(run, Unkept(), lambda state: None))
        protocol = judged_by(plan.recipe)
        with computing_by(1):
            self._trained = [self._learner(problem, protocol, Key(("learner", seed, k))) for k in range(self.learners)]
        self._network = problem.network
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The mean over learners of the probability of each class, (example, class), for rows X (example, number)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        inputs = self.distilled_.codec.encode(torch.tensor(X)).float()
        with torch.no_grad(), computing_by(1):
            outputs = [self._network.apply(each.params, inputs, each.statistics).outputs for each in self._trained]
            chances = torch.stack([each.double().softmax(1) for each in outputs]).mean(0)
        return chances.numpy()

    def predict(self, X: ArrayLike) -> NDArray:
        """The label of each row of X (example, number)."""
        chances = self.predict_proba(X)
        return self.classes_[chances.argmax(1)]

    def _plan(self, vectors: torch.Tensor, labels: torch.Tensor, seed: int) -> Plan:
        """What is to be done; InputError where it takes more than this process has."""
        task = VectorTask(
            NAME,
            tuple(map(str, range(len(self.classes_)))),
            Standardised.fit(vectors),
            {"train": Labelled(vectors, labels)},
        )
        recipe = self.recipe if isinstance(self.recipe, Recipe) else recipe_for(self.recipe, NAME, self.ipc)
        if self.steps is not None and recipe.objective is not None:
            recipe = replace(recipe, steps=self.steps)
        problem = Problem(task, task.network(self.network), CPU, NoCache())
        if needs_of(recipe, problem) or followed(recipe):
            raise InputError(
                f"recipe {self.recipe}: it reads networks that are trained before, which this estimator keeps nowhere; "
                "choose dm, rfad, kip or random, or use limbeck.distill"
            )
        fewest = min(map(len, task.groups("train")))
        return Plan(task, recipe, self.network, min(self.ipc, fewest), seed, checks=0)

    def _learner(self, problem: Problem, protocol: AbstractProtocol, key: Key) -> Learner:
        """A network trained on the synthetic rows, as the recipe has its sets judged."""
        made, task = self.distilled_, problem.task
        schedule = protocol.schedule(made.schedule, len(made), key.fold("order"))
        return fit(task, problem.network, row_loader(task, made.batch), schedule, key, CPU)
