"""Labels of attention: their divergence by its definition, a derivative by differences, their bytes, who sees them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import limbeck
from limbeck import DistilledSet, InputError, import_set
from limbeck.computations import Coreset, Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.schedule import labelled
from limbeck.exports import export_set
from limbeck.inside import account
from limbeck.learn.attention_labels import ATTENTION, TARGETS, WEIGHT, ByAttention, divergence
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.stacked import alike, stacked_training
from limbeck.learn.training import last
from limbeck.learn.unroll import initial_state, unroll
from limbeck.protocols import Own
from limbeck.recipes import RECIPES
from limbeck.schedules import AttentionLabels, Fixed
from limbeck.starts import Real
from limbeck.tasks.readers.sentences import Found, Rows
from limbeck.tasks.splits import Validation
from limbeck.tasks.text import TextTask, text_task

KEY = Key(("attention labels",))
NETWORK = "transformer-w8"
SHORT = Fixed(steps=3, learning_rate=0.3)


def small_task() -> TextTask:
    """Sentences of 1 to 4 words in two classes."""
    words = {0: ["cat", "dog", "cow"], 1: ["saw", "axe", "file"]}
    labels = np.arange(24) % 2
    texts = [
        " ".join(words[int(label)][(row + at) % 3] for at in range(1 + row % 4)) for row, label in enumerate(labels)
    ]
    return text_task(
        "small", Found({"train": Rows(texts, labels, lambda row: f"row {row}")}, ("a", "b"), ()), Validation()
    )


def problem_of(task: TextTask, network: str = NETWORK) -> Problem:
    return Problem(task, task.network(network), torch.device("cpu"), NoCache())


def weights(count: int = 3) -> Tensor:
    """Attention (example, layer, head, query, place): the first sees all places, the next one fewer, and so on."""
    there = torch.arange(5) < 5 - torch.arange(count)[:, None]
    raw = KEY.fold("weights").uniform(count, 2, 4, 5, 5).double() * there[:, None, None, None]
    return raw / raw.sum(4, keepdim=True)


@pytest.mark.parametrize("queries", [1, 5])
def test_the_divergence_is_the_mean_over_layers_heads_and_queries_that_are_there(queries: int) -> None:
    seen, raw = weights(), KEY.fold("raw").normal(3, 2, 4, queries, 5).double()
    found = divergence(seen, raw)
    for example in range(3):
        places, total = range(5 - example), []
        for layer in range(2):
            for head in range(4):
                rows = seen[example, layer, head, : len(places), : len(places)]
                rows = rows.mean(0, keepdim=True) if queries == 1 else rows
                for query, row in enumerate(rows):
                    label = raw[example, layer, head, query, : len(places)].softmax(0)
                    total.append(float((label * (label / row).log()).sum()))
        assert float(found[example]) == pytest.approx(sum(total) / len(total), rel=1e-12)
    together = torch.func.vmap(divergence)(seen[None], raw[None])[0]
    torch.testing.assert_close(together, found)


def test_labels_that_are_the_attention_are_no_distance_and_all_others_are_some() -> None:
    seen = weights()
    equal = seen.clamp(min=1e-300).log() + 3
    assert float(divergence(seen, equal).abs().max()) < 1e-12
    assert bool((divergence(seen, equal + KEY.fold("off").normal(3, 2, 4, 5, 5).double()) > 0.01).all())
    nothing = torch.zeros(1, 1, 4, 5, 5).double().requires_grad_()
    (slope,) = torch.autograd.grad(divergence(nothing, torch.zeros(1, 1, 4, 5, 5).double()).sum(), nothing)
    assert not bool(slope.any()), "of a sentence without a word nothing is asked"


@pytest.mark.parametrize("queries", ["one", "each"])
def test_the_gradient_in_labels_through_training_is_that_of_central_differences(queries: str) -> None:
    task = small_task()
    problem = problem_of(task)
    batch = tree.map(lambda leaf: leaf.double(), task.load("train", torch.tensor([2, 7])))
    batch = batch._replace(classes=torch.tensor([0, 1]))
    real = tree.map(lambda leaf: leaf.double(), task.load("train", torch.arange(8)))
    part = AttentionLabels(SHORT, queries=queries, weight=2.0)  # type: ignore[arg-type]
    begun = tree.map(lambda leaf: leaf.double(), part.begin(problem, 2, KEY))
    start = initial_state(tree.map(lambda leaf: leaf.double(), problem.network.init(KEY)), SHORT.optimizer.rule())
    loss = mean_loss(task, problem.network, ByAttention())

    def after(labels: Tensor) -> Tensor:
        schedule = part.render({**begun, ATTENTION: labels}, batch.classes, KEY)
        return loss(unroll(loss, start, batch, schedule).params, real)

    labels = begun[ATTENTION].clone().requires_grad_()
    (found,) = torch.autograd.grad(after(labels), labels)
    for number in range(3):
        way = KEY.fold("way", number).normal(*labels.shape).double()
        ends = [float(after(labels.detach() + sign * 1e-5 * way)) for sign in (1, -1)]
        assert float((found * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-10)
    assert float(found.norm()) > 1e-6, "labels say something of where training ends"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[TextTask, DistilledSet]:
    """A set of one item a class after two steps, and its task."""
    task, recipe = small_task(), RECIPES["dd-text"].recipe
    recipe = replace(recipe, schedule=AttentionLabels(SHORT), objective=replace(recipe.objective, per_class=4))
    session = limbeck.Session(tmp_path_factory.mktemp("runs"))
    return task, limbeck.distill(task, recipe, ipc=1, network=NETWORK, steps=2, checks=0, session=session)


def test_labels_are_learned_counted_and_kept(made: tuple[TextTask, DistilledSet], tmp_path: Path) -> None:
    task, distilled = made
    labels = distilled.schedule.labels
    places = task.codec.length
    assert labels[ATTENTION].shape == (2, 1, 4, 1, places) and labels[WEIGHT].tolist() == [1.0, 1.0]
    rough = AttentionLabels(SHORT).begin(problem_of(task), 2, KEY)[ATTENTION]
    assert labels[ATTENTION].shape == rough.shape and distilled.binding
    plain = replace(distilled, schedule=distilled.schedule.of_others())
    assert distilled.budget.bytes - plain.budget.bytes == 4 * (2 * 4 * places + 2)
    assert sum(part.bytes for part in account(distilled).parts) == distilled.budget.bytes
    distilled.save(tmp_path / "set.safetensors")
    again = DistilledSet.load(tmp_path / "set.safetensors")
    assert again == distilled and plain != distilled and isinstance(again.schedule.loss, ByAttention)
    assert torch.equal(again.schedule.labels[ATTENTION], labels[ATTENTION])
    for form in ("npz", "pt"):
        export_set(distilled, form, tmp_path / f"set.{form}")
        assert import_set(tmp_path / f"set.{form}", task=task) == distilled


def test_a_learner_of_the_set_is_held_against_its_labels_and_no_other_is(made: tuple[TextTask, DistilledSet]) -> None:
    task, distilled = made
    context = ProbeContext(problem_of(task), set=distilled, split="train")
    own = Training(Mixture(), 3, Own()).setup(context)
    assert own.schedule.labels and isinstance(own.schedule.loss, ByAttention)
    for source in (Coreset(Real(), 1), Mixture(items=(1, 0)), Mixture(items=(0,), real=1)):
        other = Training(source, 3, Own()).setup(context).schedule
        assert not other.labels and not isinstance(other.loss, ByAttention)
    with_labels, without = (
        last(Training(Mixture(), 3, Own()).learners(replace(context, set=each)))
        for each in (distilled, replace(distilled, schedule=distilled.schedule.of_others()))
    )
    name = next(name for name in with_labels.params if "queries_keys_values.weight" in name)
    assert not torch.allclose(with_labels.params[name], without.params[name])


def test_learners_of_a_set_with_labels_are_the_same_stacked_and_one_by_one(made: tuple[TextTask, DistilledSet]) -> None:
    task, distilled = made
    problem = problem_of(task)
    context = ProbeContext(problem, set=distilled, split="train")
    trainings = [Training(Mixture(), seed, Own()) for seed in range(3)]
    setups = [training.setup(context) for training in trainings]
    assert alike([setup.schedule for setup in setups]) == [[0, 1, 2]]
    stacked = last(stacked_training(problem, setups))
    for index, training in enumerate(trainings):
        alone = last(training.learners(context)).params
        for path, leaf in tree.flatten(alone).items():
            torch.testing.assert_close(tree.flatten(stacked.params)[path][index], leaf, rtol=1e-4, atol=1e-5)


def test_plain_targets_have_the_loss_of_the_task_alone() -> None:
    task = small_task()
    network, batch = task.network(NETWORK), task.load("train", torch.arange(4))
    params = network.init(KEY)
    plain = mean_loss(task, network)(params, batch)
    assert torch.equal(mean_loss(task, network, ByAttention())(params, batch), plain)
    labels = {ATTENTION: torch.zeros(4, 1, 4, 1, task.codec.length), WEIGHT: torch.zeros(4)}
    beside = labelled(batch, labels, torch.arange(4))
    assert torch.equal(beside.targets[TARGETS], batch.targets)
    torch.testing.assert_close(mean_loss(task, network, ByAttention())(params, beside), plain)


def test_a_network_without_attention_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="attention-labels: network bag has no layer of attention, .* transformer"):
        AttentionLabels().begin(problem_of(small_task(), "bag"), 2, KEY)
