"""Dynamic time warping against the recursion written out, and nearest neighbours as a protocol."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch

import waves
from limbeck.core.contracts import Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn import warping
from limbeck.learn.warping import Euclidean, Warped
from limbeck.protocols import Nearest, named
from limbeck.tasks import load

KEY = Key(("neighbours",))


def dense(left: torch.Tensor, right: torch.Tensor, reach: int) -> float:
    """The recursion over all cells, in the order of a book."""
    times = left.shape[1]
    table = [[math.inf] * (times + 1) for _ in range(times + 1)]
    table[0][0] = 0.0
    for i, j in itertools.product(range(times), repeat=2):
        if abs(i - j) <= reach:
            cost = float((left[:, i] - right[:, j]).square().sum())
            table[i + 1][j + 1] = cost + min(table[i][j + 1], table[i + 1][j], table[i][j])
    return math.sqrt(table[times][times])


@pytest.mark.parametrize(("channels", "times", "band"), [(1, 1, 1.0), (1, 7, 0.0), (2, 8, 0.25), (3, 9, 1.0)])
def test_warping_is_the_least_path_of_all_cells(
    channels: int, times: int, band: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = (KEY.fold(side).normal(count, channels, times).double() for side, count in (("l", 3), ("r", 4)))
    distance = Warped(band)
    expected = [[dense(a, b, distance.reach(times)) for b in right] for a in left]
    found = distance.between(left, right)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    monkeypatch.setattr(warping, "CELLS", 1)
    assert torch.equal(distance.between(left, right), found), "in whatever parts it is computed"


def test_a_band_of_nothing_is_euclidean_and_a_wider_one_is_never_further() -> None:
    series = KEY.normal(6, 2, 12).double()
    plain = Euclidean().between(series, series)
    torch.testing.assert_close(plain, (series[:, None] - series[None]).square().sum((2, 3)).sqrt())
    bands = [Warped(band).between(series, series) for band in (0.0, 0.1, 0.3, 1.0)]
    torch.testing.assert_close(bands[0], plain)
    for narrow, wide in itertools.pairwise(bands):
        assert bool((wide <= narrow + 1e-12).all())
        torch.testing.assert_close(wide, wide.T)
        assert bool((wide.diagonal() == 0).all())


def test_a_triangle_that_is_moved_is_near_where_time_may_be_stretched() -> None:
    times = torch.arange(30, dtype=torch.float64)
    early, late, wide = (
        (1 - (times - centre).abs() / half).clamp(min=0)[None, None] for centre, half in ((12, 6), (15, 6), (12, 9))
    )
    assert float(Warped(0.1).between(early, late)) < 1e-12, "three times of thirty are within the band"
    assert float(Warped(0.05).between(early, late)) > 0.5
    assert float(Euclidean().between(early, late)) > 1.0
    # Stretched, but of other heights on the way: near, and not the same.
    assert 0 < float(Warped(1.0).between(early, wide)) < float(Euclidean().between(early, wide)) / 3


def test_warping_is_no_metric() -> None:
    a, b, c = (torch.tensor([[row]]) for row in ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0]))
    found = Warped(1.0)
    sides = [float(found.between(left, right)) for left, right in ((a, c), (a, b), (b, c))]
    assert sides[0] > sides[1] + sides[2], "a longer side than both others together"


def test_the_label_is_that_of_the_nearest_and_of_several_in_the_mean(tmp_path: Path) -> None:
    task = load(f"series:{waves.folder(tmp_path)}")
    batch, network = task.load("train"), task.network("convnet1d-w2-d1")
    for protocol in (named("1nn"), named("1nn-dtw"), Nearest(count=3)):
        assert isinstance(protocol, Nearest)
        machine = protocol.learner(task, network)
        assert machine.name == protocol.name
        params = machine.fit(batch, KEY)  # type: ignore[attr-defined]
        examples = task.load("test")
        readout = machine.apply(params, examples.inputs)
        distances = protocol.distance.between(examples.inputs, batch.inputs)
        order = distances.argsort(1)[:, : protocol.count]
        assert torch.equal(readout.outputs, batch.targets[order].mean(1))
        assert torch.equal(readout.features, -distances)
        accuracy = task.evaluate(lambda inputs, m=machine, p=params: m.apply(p, inputs).outputs, "test", KEY)
        assert accuracy["accuracy"] > 0.8
    soft = Batch(batch.inputs, batch.targets.roll(1, 1) / 2 + 0.25, batch.classes)
    (first, *_), machine = soft.targets, Nearest().learner(task, network)
    said = machine.apply(machine.fit(soft, KEY), batch.inputs[:1]).outputs[0]  # type: ignore[attr-defined]
    assert torch.equal(said, first), "the label as the set has it"


def test_what_it_cannot_be_fitted_to_is_refused() -> None:
    with pytest.raises(InputError, match="protocol 1nn: cartpole is scored by its return"):
        cartpole = load("cartpole")
        named("1nn").learner(cartpole, cartpole.network("mlp-w4"))
    with pytest.raises(InputError, match="band: found 1.5, expected a share from 0 to 1"):
        Warped(1.5)
    task = load("digits")
    with pytest.raises(InputError, match="found 1,29. items, expected at most 100"):
        Nearest(most=100).learner(task, task.network("lenet")).fit(task.load("train"), KEY)  # type: ignore[attr-defined]
