"""What items look like is what all distances and least squares say; copies, class means and noise are told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

import planted
from limbeck.computations import AllReal, Mixture, Nearness, Steps, Training, nearness
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.key import Key
from limbeck.probes.looks import Looks
from limbeck.probes.mimicry import Mimicry
from limbeck.probes.tables.mimicry import FEATURES, INPUTS
from limbeck.probes.verdicts.mimicry import ERRORS, Errors, Resemblance, errors, verdict
from limbeck.protocols import Epochs, Own
from limbeck.starts.class_means import ClassMeans
from limbeck.statistics.confusion import confusion, errors_alike
from limbeck.statistics.labels import label_weights
from limbeck.statistics.resemblance import COPIES, KINDS, MEANS, NEITHER, REAL, Look, explained, kinds, ranks, relative
from limbeck.tasks import load
from planted import Planted

CPU = torch.device("cpu")
KEY = Key(("mimicry",))
LEARNER = Training(AllReal(), 0, Steps(20, 64), reads=(), keeps=(20,))
DIGITS = load("digits")
PROBLEM = Problem(DIGITS, DIGITS.network("convnet-w4-d1"), CPU, Planted(strict=False))


def context_of(batch: Batch, name: str = "set") -> ProbeContext:
    schedule = Epochs().schedule(None, len(batch.classes), KEY)
    return ProbeContext(PROBLEM, name, BatchSet(name, batch, schedule), "test")


def noise(batch: Batch) -> Batch:
    return batch._replace(inputs=KEY.fold("noise").normal(*batch.inputs.shape))


SETS: dict[str, Callable[[], Batch]] = {
    REAL: lambda: PROBLEM.real(KEY, 3),
    MEANS: lambda: ClassMeans().pick(PROBLEM, 3, KEY),
    NEITHER: lambda: noise(PROBLEM.real(KEY, 3)),
}


def features_of(batch: Batch) -> torch.Tensor:
    context = context_of(SETS[REAL]())
    learner = LEARNER.kept(context, 20)
    return PROBLEM.network.apply(learner.params, batch.inputs).features.double()


def pixels_of(batch: Batch) -> torch.Tensor:
    return DIGITS.codec.decode(batch.inputs).flatten(1).double()


@pytest.mark.parametrize(("learner", "seen"), [(None, pixels_of), (LEARNER, features_of)], ids=[INPUTS, FEATURES])
def test_the_nearest_training_examples_and_what_class_means_explain_are_those_of_all_pairs_and_of_least_squares(
    learner: Training | None, seen: Callable[[Batch], torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearness, "CHUNK", 331)
    items = SETS[REAL]()
    # Off every training example, so that no two distances are equal.
    items = items._replace(inputs=items.inputs + 0.3 * KEY.fold("off").normal(*items.inputs.shape))
    context = context_of(items)
    found = Nearness(learner, items=7, controls=3, sample=25, near=4).run(context)
    every = DIGITS.load("train")
    training, g = seen(every), seen(every).mean(0)
    means = torch.stack([training[every.classes == label].mean(0) for label in range(10)])
    chosen = {
        "items": tree.rows(items, torch.tensor([index * 30 // 7 for index in range(7)])),
        "real": tree.rows(context.examples, nearness.drawn(len(context.rows), 25)),
        "controls": tree.cat(
            [
                tree.rows(each.distilled.batch, torch.tensor([index * 30 // 7 for index in range(7)]))
                for each in context.controls(3)
            ]
        ),
    }
    for part, batch in chosen.items():
        points, its = seen(batch), found[part]
        distances, rows = torch.cdist(points, training).sort(1)
        torch.testing.assert_close(its["distance"], distances[:, :4], atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(its["to mean"], (points - means[batch.classes]).norm(dim=1), atol=1e-5, rtol=1e-5)
        solved = [np.linalg.lstsq((means - g).T.numpy(), each.numpy(), rcond=None)[0] for each in points - g]
        left = points - g - torch.from_numpy(np.stack(solved)) @ (means - g)
        share = 1 - left.square().sum(1) / (points - g).square().sum(1)
        torch.testing.assert_close(its["explained"], share, atol=1e-5, rtol=1e-5)
        if part == "items":
            assert torch.equal(its["row"], rows[:, :4])
            nearest = training[rows[:, 0]]
            expected = distances[:, 0] / ((points - g).norm(dim=1) * (nearest - g).norm(dim=1)).sqrt()
            torch.testing.assert_close(its["relative"], expected, atol=1e-5, rtol=1e-5)
    assert float(found["controls"]["distance"][:, 0].max()) < 1e-5, "they are training examples"


def test_class_means_explain_the_part_of_an_example_that_lies_in_their_span() -> None:
    draw = KEY.fold("span").normal(12, 12).double()
    axes = torch.linalg.qr(draw).Q
    g = KEY.fold("g").normal(12).double()
    means = g + torch.stack([2 * axes[0], -axes[0] + axes[1], -axes[0] - axes[1]])
    within, outside = torch.tensor([0.0, 0.3, 1.0, 5.0]).double(), torch.tensor([1.0, 1.0, 1.0, 0.0]).double()
    points = g + within[:, None] * (0.6 * axes[0] + 0.8 * axes[1]) + outside[:, None] * axes[7]
    expected = within.square() / (within.square() + outside.square())
    torch.testing.assert_close(explained(points, means, g), expected, atol=1e-12, rtol=0)
    # Neither the place nor the scale of everything matters, nor that of one example around the mean of all.
    torch.testing.assert_close(explained(3 * points + 1, 3 * means + 1, 3 * g + 1), expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(explained(g + 9 * (points - g), means, g)[1:], expected[1:], atol=1e-12, rtol=0)
    # Mixtures of class means, and the mean of all, are explained; nothing is where means say nothing.
    assert explained(torch.stack([0.2 * means[0] + 0.8 * means[1], g]), means, g).tolist() == pytest.approx([1, 1])
    assert bool(explained(points, g.expand(3, 12), g).isnan().all()), "equal means"
    assert bool(explained(points[:, :2], means[:, :2], g[:2]).isnan().all()), "means that span the plane"


def test_a_relative_distance_is_symmetric_of_no_scale_and_least_for_examples_of_one_contrast() -> None:
    x, t = KEY.fold("x").normal(6).double(), KEY.fold("t").normal(6).double()

    def of(one: torch.Tensor, other: torch.Tensor) -> float:
        lengths = [each.norm()[None] for each in (one - other, one, other)]
        return float(relative(*lengths))

    assert of(x, t) == pytest.approx(of(t, x)) == pytest.approx(of(7 * x, 7 * t))
    for factor in (0.3, 3.0):
        # |s - 1| / sqrt(s): as far from itself at a third of its contrast as at three times.
        assert of(factor * x, x) == pytest.approx(abs(factor - 1) / factor**0.5)
    assert of(x, x) == 0 and of(1e-9 * x, x) > 1e4


def test_what_is_usual_is_told_by_unseen_real_examples() -> None:
    real = Look(torch.linspace(0, 1, 201), torch.linspace(0, 0.5, 201))
    ours = Look(
        torch.tensor([0.5, 0.5, 0.99, 0.01, 0.01, torch.inf, torch.nan]),
        torch.tensor([0.2, 0.49, 0.2, 0.2, 0.49, torch.nan, 0.2]),
    )
    found = [[KINDS[kind] for kind in each.nonzero()[:, 0].tolist()] for each in kinds(ours, real).T]
    assert found == [[REAL], [MEANS], [NEITHER], [REAL, COPIES], [MEANS], [NEITHER], [NEITHER]]
    shares = kinds(real, real).double().mean(1)
    assert shares[:3].sum() == 1 and float(shares[1]) == pytest.approx(0.05, abs=0.01)
    assert ranks(real.relative, real.relative).mean() == pytest.approx(0.5)


def looked_at(name: str) -> list[Resemblance]:
    context = context_of(SETS[name](), name)
    spaces = {INPUTS: [None], FEATURES: [replace(LEARNER, seed=seed) for seed in range(3)]}
    found = []
    for space, learners in spaces.items():
        outcomes = [context.outcome(Nearness(each, controls=3, sample=300)) for each in learners]
        found.append(Looks(context, space, outcomes, tuple(range(30)), 3).resemblance(2))
    return found


@pytest.mark.parametrize("name", SETS)
def test_real_images_class_means_and_noise_are_found_to_be_what_they_are(name: str) -> None:
    found = looked_at(name)
    assert found[0].leading == name and found[0].claim(name).side == "above"
    said = verdict(found, "nobody asked")
    assert said.tone == ("avoid" if name == NEITHER else "note")
    assert said.text.startswith("In the units of the data it looks like ")
    if name == REAL:
        assert found[0].claim(COPIES).side == found[1].claim(COPIES).side == "above"
        assert "show them only where those may be shown" in said.text
    if name == MEANS:
        assert found[0].explained[0] > 0.95 and found[1].ranked("explained").side == "above"
        assert "what a class is like on average" in said.text
    if name == NEITHER:
        assert found[1].claim(NEITHER).side == "above" and "Do not read its items as examples" in said.text
    # Random real training examples are copies; of unseen real ones 5 % look like class means.
    assert found[0].control[COPIES] > 0.9 and found[0].real[MEANS] == pytest.approx(0.05, abs=0.005)


def test_two_learners_decide_nothing_of_features_and_few_items_nothing_of_most() -> None:
    inputs, features = looked_at(REAL)
    assert replace_learners(features, 2).claim(REAL)[2:] == ("open", 3)
    shares = {kind: fact._replace(low=0.45, high=1.0) for kind, fact in inputs.shares.items()}
    said = verdict([inputs._replace(shares=shares, ranks={})], "nobody asked")
    assert said.tone == "unknown" and said.text.startswith("Inconclusive: In the units of the data it is not decided")


def test_what_to_do_is_told_by_what_one_sees() -> None:
    (noisy, seen), (copied, _) = looked_at(NEITHER), looked_at(REAL)
    undecided = noisy._replace(shares={kind: fact._replace(low=0.2, high=0.8) for kind, fact in noisy.shares.items()})
    said = verdict([undecided, copied._replace(space=FEATURES, learners=3)], "nobody asked")
    assert said.tone == "note" and said.text.endswith("Do not read its items as ordinary examples of the data.")
    assert verdict([undecided._replace(ranks={}), seen], "nobody asked").text.endswith("nobody asked.")


def replace_learners(found: Resemblance, count: int) -> Resemblance:
    return found._replace(learners=count)


def test_errors_are_counted_by_class_and_alike_as_pearson_says() -> None:
    classes, predictions = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 1, 0]).short()
    one = confusion(predictions, classes, 4)
    assert one.tolist() == [[0.5, 0.5, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    other = KEY.fold("other").uniform(4, 4).double()
    off = ~np.eye(4, dtype=bool)
    assert errors_alike(one, other) == pytest.approx(np.corrcoef(one.numpy()[off], other.numpy()[off])[0, 1])
    # What learners are right on does not count.
    assert errors_alike(one + 5 * torch.eye(4), other) == pytest.approx(errors_alike(one, other))
    assert np.isnan(errors_alike(torch.eye(4).double(), other))


def test_errors_are_held_against_one_more_control() -> None:
    controls = [[0.2, 0.25, 0.22], [0.25, 0.3, 0.27], [0.15, 0.2, 0.17]]
    apart = [errors([value + 0.01 * seed for seed in range(3)], controls, 0.05) for value in (0.9, 0.21, -0.7)]
    assert [each.made.side for each in apart] == ["above", "open", "below"]
    assert all(isinstance(each, Errors) and each.control == pytest.approx(0.2233, abs=1e-4) for each in apart)
    texts = [verdict([], each).text for each in apart]
    assert "err more like" in texts[0] and "not shown to err" in texts[1] and "err less like" in texts[2]


def test_where_there_is_no_distance_between_examples_errors_alone_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "joined", lambda shape: True)
    known = Planted()
    context, probe = planted.context_of(1, known), Mimicry(controls=3)
    classes = context.examples.classes

    def erring(by: int, count: int) -> torch.Tensor:
        """Taken for the class `by` further on, so many of them."""
        return torch.where(torch.arange(len(classes)) % 360 < count, (classes + by) % 10, classes)

    for seed, real in enumerate(probe._real(DIGITS)):
        known.plant(real, planted.reading(context, erring(1, 60)))
        known.plant(Training(Mixture(), seed), planted.reading(context, erring(1, 90 + seed)))
        for draw, control in enumerate(context.controls(3)):
            outcome = planted.reading(context, erring(2 + draw, 100 + seed))
            known.plant(Training(Mixture(), seed), outcome, control.distilled.digest)
    found = probe.find(context)
    assert found.fact(ERRORS).value > 0.9 and found.fact(ERRORS).n == 3
    assert [each.side for each in found.claims] == ["above"] and "err more like" in found.verdict
    assert found.table("looks").rows == found.table("nearest").rows == ()
    confused = {(row[0], row[1]): row[2:] for row in found.table("confusions").rows}
    # Every class is mistaken for the next, by learners of the set half as often again as by those of real data.
    share = [sum(confused[str(label), str((label + 1) % 10)][of] for label in range(10)) / 10 for of in range(3)]
    assert share[1] / share[0] == pytest.approx(91 / 60, rel=0.1) and share[2] == 0
    assert any("no distance between them" in each for each in found.caveats)


def test_targets_are_weights_or_stand_for_their_softmax() -> None:
    weights = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    found = label_weights(weights, 3)
    assert found is not None and torch.equal(found, weights.double())
    raw = KEY.fold("raw").normal(4, 3)
    softened = label_weights(raw, 3)
    assert softened is not None
    torch.testing.assert_close(softened, raw.double().exp() / raw.double().exp().sum(1, keepdim=True))
    assert label_weights(raw, 4) is None and label_weights({"x": raw}, 3) is None


@dataclass(frozen=True)
class Bound(BatchSet):
    """A set that is to be trained on as it says."""

    binding = True


def test_learners_are_trained_as_a_set_says_that_is_bound_to_it_and_are_one_where_they_begin_alike() -> None:
    probe, context = Mimicry(controls=3), context_of(SETS[REAL]())
    batch, schedule = context.distilled.batch, context.distilled.schedule

    def trained(given: BatchSet) -> list[Training]:
        asked = probe.computations(replace(context, set=given))
        return [each for each in asked if isinstance(each, Training) and each.on == Mixture()]

    ours, theirs = (DIGITS.network(name).init(KEY) for name in (PROBLEM.network.name, "mlp"))
    assert trained(BatchSet("free", batch, schedule, ours)) == [Training(Mixture(), seed) for seed in range(3)]
    assert trained(Bound("bound", batch, schedule)) == [Training(Mixture(), seed, Own()) for seed in range(3)]
    assert trained(Bound("begun", batch, schedule, ours)) == [Training(Mixture(), 0, Own())]
    # From the parameters of another network nothing can be trained here.
    assert trained(Bound("another", batch, schedule, theirs)) == [Training(Mixture(), seed) for seed in range(3)]
    # Controls have no training of their own.
    beside = probe.computations(replace(context, set=Bound("begun", batch, schedule, ours)).control(1))
    assert beside == tuple(Training(Mixture(), seed) for seed in range(3))


def test_the_labels_of_soft_targets_are_listed_and_those_of_hard_ones_not() -> None:
    batch = SETS[REAL]()
    soft = batch._replace(targets=KEY.fold("soft").normal(30, 10))
    items = (0, 29)
    listed = Mimicry()._targets(context_of(soft, "soft"), items)
    expected = soft.targets[list(items)].double().softmax(1)
    for item, weights in zip(items, expected, strict=True):
        mine = [row for row in listed.rows if row[0] == item]
        assert [(row[2], row[3]) for row in mine] == [
            (DIGITS.classes[label], pytest.approx(weight))
            for label, weight in enumerate(weights.tolist())
            if weight >= 0.005
        ]
    assert Mimicry()._targets(context_of(batch), items).rows == ()
