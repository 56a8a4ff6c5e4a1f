"""Contrast by an adversary: the pairs, the losses of both sides as their sums, and nothing where no basis has two."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from limbeck.composition import Recipe
from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.optim import SGD
from limbeck.objectives import AdversarialContrast, Distribution
from limbeck.objectives.adversarial_contrast import contrastive_loss, drawn_pairs
from limbeck.parameterizations import FixedTargets, Hallucinators, Pixels, SoftTargets
from limbeck.tasks import load

KEY = Key(("contrast",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("convnet-w4-d1"), torch.device("cpu"), NoCache())
AROUND = Distribution(per_class=4)
PLAIN = AdversarialContrast(AROUND, weight=0.3, naming=0.7, likeness=0.2, contrast=0.4, augment=None)


def shown_by(part: object) -> Synthetic:
    recipe = Recipe(parameterization=part, objective=PLAIN, steps=1)  # type: ignore[arg-type]
    run = Distillation(PROBLEM, recipe, per_class=2, key=KEY)
    state = run.begin(3)
    return run.show(tree.detach(state.learned), state.fixed, KEY)


def test_two_different_items_of_each_origin_are_drawn_all_pairs_alike() -> None:
    origins = torch.tensor([4, 0, 4, 1, 4, 1])
    found: Counter[tuple[int, int]] = Counter()
    for draw in range(600):
        first, second = drawn_pairs(origins, KEY.fold(draw)).tolist()
        assert [int(origins[item]) for item in first] == [int(origins[item]) for item in second] == [1, 4]
        found[first[1], second[1]] += 1
    # Six ordered pairs of the items 0, 2 and 4, each expected 100 times, with a deviation of 9.1.
    assert set(found) == set(itertools.permutations((0, 2, 4), 2)) and all(60 < each < 140 for each in found.values())


def test_the_contrastive_loss_is_its_sum() -> None:
    features, classes = KEY.normal(7, 5).double(), torch.tensor([0, 1, 0, 2, 1, 0, 2])
    directions = features / features.norm(dim=1, keepdim=True)
    scores = (directions @ directions.T / 0.3).exp()
    terms = []
    for one in range(7):
        others = [each for each in range(7) if each != one]
        mates = [each for each in others if classes[each] == classes[one]]
        whole = sum(scores[one, each] for each in others)
        terms.append(sum(-(scores[one, each] / whole).log() for each in mates) / len(mates))
    torch.testing.assert_close(contrastive_loss(features, classes, 0.3), sum(terms) / 7)


def halves(synthetic: Synthetic, key: Key) -> tuple[Tensor, Tensor]:
    assert synthetic.origins is not None
    return drawn_pairs(synthetic.origins, key.fold("pairs")).unbind()


@pytest.mark.parametrize("part", [Hallucinators(3), SoftTargets(Hallucinators(2, 1))], ids=["alone", "soft targets"])
def test_the_set_is_told_how_alike_two_items_of_a_basis_are(part: object) -> None:
    synthetic, state = shown_by(part), PLAIN.init(PROBLEM, KEY)
    first, second = halves(synthetic, KEY.fold("contrast"))
    assert len(first) == 10 and bool((first != second).all())
    read = [PROBLEM.network.apply(state.adversary, synthetic.batch.inputs[rows]).features for rows in (first, second)]
    alike = ((1 + cosine_similarity(*read)) / 2).mean()
    within = AROUND.loss(state.around, PROBLEM, synthetic, KEY)
    torch.testing.assert_close(PLAIN.loss(state, PROBLEM, synthetic, KEY), within + 0.3 * alike)
    both = PLAIN.losses(state, PROBLEM, [synthetic, synthetic], KEY)
    torch.testing.assert_close(both, (within + 0.3 * alike).expand(2))


def test_the_adversary_takes_one_step_down_its_own_loss() -> None:
    synthetic, state = shown_by(Hallucinators(3)), PLAIN.init(PROBLEM, KEY)
    rows = torch.cat(halves(synthetic, KEY.fold("adversary")))
    free = {name: leaf.clone().requires_grad_() for name, leaf in state.adversary.items()}
    features, outputs = PROBLEM.network.apply(free, synthetic.batch.inputs[rows])
    named = -(synthetic.batch.targets[rows] * outputs.log_softmax(1)).sum(1).mean()
    apart = ((1 - cosine_similarity(features[:10], features[10:])) / 2).mean()
    among = contrastive_loss(features, synthetic.batch.classes[rows], 0.07)
    total = 0.7 * named + 0.2 * apart + 0.4 * among
    slopes = torch.autograd.grad(total, list(free.values()))
    after = PLAIN.advance(state, PROBLEM, synthetic, KEY)
    for (name, leaf), slope in zip(free.items(), slopes, strict=True):
        torch.testing.assert_close(after.adversary[name], leaf.detach() - 0.001 * slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("part", [Pixels(), FixedTargets(), Hallucinators(1, 1)], ids=["pixels", "around", "one each"])
def test_where_no_two_items_are_of_one_basis_it_is_the_objective_alone(part: object) -> None:
    synthetic, state = shown_by(part), PLAIN.init(PROBLEM, KEY)
    assert float(PLAIN.loss(state, PROBLEM, synthetic, KEY)) == float(
        AROUND.loss(state.around, PROBLEM, synthetic, KEY)
    )
    after = PLAIN.advance(state, PROBLEM, synthetic, KEY)
    assert all(torch.equal(after.adversary[name], leaf) for name, leaf in state.adversary.items())


def test_steps_down_likeness_alone_bring_the_items_of_a_basis_apart() -> None:
    objective = replace(PLAIN, around=replace(AROUND, per_class=1), weight=1000.0)
    recipe = Recipe(parameterization=Hallucinators(3), objective=objective, optimizer=SGD(0.01), steps=4)
    run = Distillation(PROBLEM, recipe, per_class=2, key=KEY, checks=0, compile=False)
    begun = state = run.begin()
    for _ in range(4):
        state = run.step(state)

    def alike(of: object) -> float:
        shown = run.show(tree.detach(of.learned), of.fixed, KEY)  # type: ignore[attr-defined]
        return float(objective.alike(begun.objective, PROBLEM, shown, KEY))

    assert alike(state) < alike(begun)


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="weight: found -1"):
        AdversarialContrast(weight=-1.0)
    with pytest.raises(InputError, match="temperature: found 0"):
        AdversarialContrast(temperature=0.0)
