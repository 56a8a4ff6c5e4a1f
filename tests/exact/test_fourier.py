"""The Fourier transform as real numbers keeps lengths; spectra of equal size have one autocorrelation."""

from __future__ import annotations

import math

import pytest
import torch

import strange_tasks
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.fourier import amplitudes, circular_autocorrelation, packed, unpacked
from limbeck.objectives import SpectralDistribution
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY = Key(("fourier",))
CPU = torch.device("cpu")


@pytest.mark.parametrize("times", [1, 2, 3, 8, 9])
def test_packing_is_a_rotation_and_its_inverse_is_its_transpose(times: int) -> None:
    basis = torch.eye(times, dtype=torch.float64)
    matrix = packed(basis)
    torch.testing.assert_close(matrix @ matrix.T, basis)
    torch.testing.assert_close(unpacked(basis), matrix.T)
    series = KEY.normal(3, 2, times).double()
    torch.testing.assert_close(unpacked(packed(series)), series)
    # Of a wave of one frequency two numbers are not 0: its cosine and its sine.
    if times > 4:
        wave = torch.cos(2 * math.pi * 2 * torch.arange(times, dtype=torch.float64) / times + 0.3)
        assert (packed(wave).abs() > 1e-9).sum() == 2
        torch.testing.assert_close(packed(wave).square().sum(), torch.tensor(times / 2, dtype=torch.float64))


@pytest.mark.parametrize("times", [8, 9])
def test_the_autocorrelation_is_what_wiener_and_khinchin_say(times: int) -> None:
    series = KEY.normal(4, times).double()
    expected = torch.stack([(series * series.roll(-lag, 1)).mean(1) for lag in range(times)], 1)
    torch.testing.assert_close(circular_autocorrelation(series), expected)


@pytest.mark.parametrize("times", [12, 13])
def test_series_of_equal_amplitudes_have_equal_autocorrelations_and_others_are_bounded(times: int) -> None:
    series = KEY.normal(times).double()
    found = torch.fft.rfft(series)
    turns = torch.polar(
        torch.ones(len(found), dtype=torch.float64), 6.3 * KEY.fold("turns").uniform(len(found)).double()
    )
    # Frequencies 0 and half of an even length are real, and can be turned by nothing or by half a turn.
    turns[0], turns[-1] = -1.0, turns[-1] if times % 2 else 1.0
    turned = torch.fft.irfft(found * turns, n=times)
    assert not torch.allclose(turned, series, atol=0.1)
    torch.testing.assert_close(amplitudes(turned), amplitudes(series))
    torch.testing.assert_close(circular_autocorrelation(turned), circular_autocorrelation(series))
    # Over all N frequencies, at every lag: |R_x - R_s| <= (1 / N) sum | |F_x|^2 - |F_s|^2 |
    # <= (1 / N) || |F_x| + |F_s| || || |F_x| - |F_s| || (Cauchy and Schwarz): near in amplitudes is near in R.
    other = series + 0.1 * KEY.fold("other").normal(times).double()
    apart = (circular_autocorrelation(series) - circular_autocorrelation(other)).abs().max()
    ours, theirs = (torch.fft.fft(each, norm="ortho").abs() for each in (series, other))
    middle = (ours.square() - theirs.square()).abs().sum() / times
    bound = (ours + theirs).norm() * (ours - theirs).norm() / times
    assert 0 < apart <= middle <= bound < 10 * apart


def shown(problem: Problem, inputs: torch.Tensor, batch: Batch) -> Synthetic:
    return Synthetic.of(batch._replace(inputs=inputs), Epochs().schedule(None, len(inputs), KEY))


def test_matching_spectra_is_matching_what_is_packed_and_without_weight_it_is_plain() -> None:
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), CPU, NoCache())
    batch = problem.real(KEY, 2)
    plain, both = (
        SpectralDistribution(per_class=5, weight=weight, augment=None).loss(
            {}, problem, shown(problem, batch.inputs, batch), KEY
        )
        for weight in (0.0, 2.0)
    )

    def means(inputs: torch.Tensor, classes: torch.Tensor, domain: str) -> torch.Tensor:
        params = problem.network.init(KEY.fold("network", domain))
        features = problem.network.apply(params, inputs).features
        return torch.stack([features[classes == label].mean(0) for label in range(10)])

    real = problem.real(KEY.fold("real"), 5)
    apart = {
        domain: (means(turn(real.inputs), real.classes, domain) - means(turn(batch.inputs), batch.classes, domain))
        for domain, turn in (("time", lambda each: each), ("frequency", packed))
    }
    torch.testing.assert_close(plain, apart["time"].square().sum())
    torch.testing.assert_close(both, sum(each.square().sum() * (1 + (name != "time")) for name, each in apart.items()))


def test_inputs_without_a_spectrum_are_refused() -> None:
    task = strange_tasks.Pairs()
    problem = Problem(task, task.network("small"), CPU, NoCache())
    with pytest.raises(InputError, match="found inputs of pairs that are not one tensor of numbers"):
        SpectralDistribution().init(problem, KEY)
    with pytest.raises(InputError, match="weight: found -1"):
        SpectralDistribution(weight=-1)
