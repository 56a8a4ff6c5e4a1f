"""Stored frequencies: the transform, the masks, and the energy of what is left out, against literal references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from torch import Tensor

from coloured import KEY, PROBLEM, TASK, Coloured, real, rendered
from limbeck.core.contracts import Budget, Parameters
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.parameterizations import Frequency, Pixels
from limbeck.parameterizations.budgets import items_within
from limbeck.parameterizations.frequency import _dct
from limbeck.tasks import load

POSITIONS = 6 * 4


def transformed(images: Tensor) -> np.ndarray:
    """The coefficients (item, channel, position) by another's transform."""
    return dctn(images.double().numpy(), axes=(2, 3), norm="ortho").reshape(*images.shape[:2], -1)


@pytest.mark.parametrize("side", [1, 2, 7, 32])
def test_the_transform_is_orthonormal(side: int) -> None:
    matrix = _dct(side, torch.zeros(0, dtype=torch.float64))
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(side, dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("kept", [1, 5, POSITIONS])
def test_a_mask_is_where_the_coefficients_of_a_class_vary_most(kept: int) -> None:
    masks = rendered(Frequency(kept), real())[1].fixed["masks"]
    assert masks.shape == (3, kept)
    for label, rows in enumerate(TASK.groups("train")):
        variances = transformed(TASK.load("train", rows).inputs).var(0).mean(0)
        assert masks[label].tolist() == sorted(np.argsort(-variances)[:kept].tolist())
    assert kept == POSITIONS or not torch.equal(masks[0], masks[1])


def test_real_scans_have_masks_of_low_frequencies_which_do_not_depend_on_the_start() -> None:
    task = load("digits")
    starts = task.load("train", torch.arange(4)), task.load("train", torch.arange(4, 9))
    first, second = (Frequency(16).init(replace(PROBLEM, task=task), start, KEY) for start in starts)
    masks = first.fixed["masks"]
    assert torch.equal(masks, second.fixed["masks"])
    assert float((masks // 8 + masks % 8).double().mean()) < 0.8 * 7
    variances = transformed(task.load("train", task.groups("train")[3]).inputs).var(0).mean(0)
    assert masks[3].tolist() == sorted(np.argsort(-variances)[:16].tolist())


def test_all_coefficients_are_the_pixels() -> None:
    start = real(5)
    made, params = rendered(Frequency(POSITIONS), start)
    torch.testing.assert_close(made, rendered(Pixels(), start)[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(params.learned["inputs"].numpy(), transformed(start.inputs), rtol=0, atol=1e-13)


def test_an_image_loses_the_energy_of_the_coefficients_left_out_and_no_other() -> None:
    start, part = real(9), Frequency(7)
    made, params = rendered(part, start)
    lost = transformed(start.inputs)
    for item, label in enumerate(start.classes.tolist()):
        lost[item, :, params.fixed["masks"][label].numpy()] = 0
    np.testing.assert_allclose((made - start.inputs).square().sum((1, 2, 3)), (lost**2).sum((1, 2)), rtol=1e-12)
    # Of any coefficients, not those of the start alone: rendering keeps lengths, and is undone by the transform.
    learned = KEY.fold("learned").normal(9, 3, 7).double()
    images = part.render(Parameters({"inputs": learned}, params.fixed), KEY).inputs
    torch.testing.assert_close(images.square().sum(), learned.square().sum(), rtol=1e-12, atol=0)
    again = part.init(PROBLEM, start._replace(inputs=images), KEY).learned["inputs"]
    torch.testing.assert_close(again, learned, rtol=0, atol=1e-13)


def test_the_storage_of_a_plain_image_holds_as_many_as_the_plane_holds_masks() -> None:
    task = load("digits")
    assert [items_within(Frequency(kept), task, 1) for kept in (4, 16, 32, 64)] == [16, 4, 2, 1]
    stored = Frequency(7).stored(rendered(Frequency(7), real(6))[1])
    assert stored.fixed["masks"].dtype == torch.uint8
    # Coefficients in 32 bits, the masks of three classes, and the classes of six items.
    assert Budget.of(stored).bytes == 4 * 6 * 3 * 7 + 3 * 7 + 6


def test_of_equal_variances_the_lower_frequencies_are_kept() -> None:
    class Grey(Coloured):
        def draw(self, split: str, count: int, key: Key) -> tuple[Tensor, Tensor]:
            return torch.zeros(count, 3, 6, 4, dtype=torch.float64), torch.arange(count) % 3

    params = Frequency(3).init(replace(PROBLEM, task=Grey()), real(3), KEY)
    assert params.fixed["masks"].tolist() == [[0, 1, 4]] * 3


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"frequency\.kept: found 0"):
        Frequency(0)
    with pytest.raises(InputError, match=r"frequency\.kept: found 25, expected at most 24"):
        rendered(Frequency(25), real(3))
    start = real(3)
    with pytest.raises(InputError, match=r"frequency: found inputs of the shape \(72,\), expected images"):
        rendered(Frequency(), start._replace(inputs=start.inputs.flatten(1)))
