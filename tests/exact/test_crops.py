"""Random resized crops: boxes of the distributions that they are said to have, and what is cut out of images."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch.nn import functional

from limbeck.core.key import Key
from limbeck.learn.crops import draw_boxes, resized

KEY = Key(("crops",))


def test_areas_places_and_ratios_are_uniform_where_every_box_fits() -> None:
    side, count = 2000, 4000
    top, left, height, width = draw_boxes(KEY, count, (side, side), (0.1, 0.5), (0.75, 4 / 3)).double().unbind(1)
    area, ratio = height * width / side**2, (width / height).log()
    free_down, free_across = side - height, side - width
    for value, low, length in (
        (area, 0.1, 0.4),
        (ratio, math.log(0.75), 2 * math.log(4 / 3)),
        (top / free_down, 0, 1),
        (left / free_across, 0, 1),
    ):
        assert stats.kstest(value.numpy(), stats.uniform(low, length).cdf).pvalue > 0.01
    assert abs(float(stats.spearmanr(area, ratio).statistic)) < 0.05
    # Every whole place is reached, the first and the last too.
    small = draw_boxes(KEY.fold("small"), 3000, (4, 4), (0.25, 0.25))
    assert torch.equal(small[:, 2:], torch.full((3000, 2), 2))
    assert stats.chisquare((3 * small[:, 0] + small[:, 1]).bincount(minlength=9).numpy()).pvalue > 0.01


def test_boxes_lie_within_and_those_that_never_fit_are_the_largest_of_the_nearest_ratio_in_the_middle() -> None:
    top, left, height, width = draw_boxes(KEY, 2000, (9, 14), (0.08, 1.0), (0.75, 4 / 3)).unbind(1)
    assert int(top.min()) == int(left.min()) == 0 and int(height.min()) >= 1 and int(width.min()) >= 1
    assert int((top + height).max()) == 9 and int((left + width).max()) == 14
    for sides, ratios, box in (
        ((10, 20), (1.0, 1.0), [0, 5, 10, 10]),
        ((20, 10), (1.0, 1.0), [5, 0, 10, 10]),
        ((10, 40), (0.5, 2.0), [0, 10, 10, 20]),
        ((40, 10), (0.5, 2.0), [10, 0, 20, 10]),
    ):
        assert draw_boxes(KEY, 3, sides, (1.0, 1.0), ratios).tolist() == [box] * 3
    # All of an image whose ratio is among those asked for.
    assert draw_boxes(KEY, 3, (6, 6), (1.0, 1.0)).tolist() == [[0, 0, 6, 6]] * 3
    assert torch.equal(draw_boxes(KEY, 5, (9, 9), (0.1, 1.0)), draw_boxes(KEY, 5, (9, 9), (0.1, 1.0)))


@pytest.mark.parametrize("size", [(5, 3), (12, 9), (20, 31)])
def test_a_crop_is_what_is_cut_out_and_resized_by_a_filter_against_aliasing(size: tuple[int, int]) -> None:
    images = KEY.fold("images").normal(30, 2, 12, 9).double()
    boxes = draw_boxes(KEY.fold("boxes"), 30, (12, 9), (0.05, 1.0), (0.5, 2.0))
    found = resized(images, boxes, size)
    for image, (top, left, height, width), each in zip(images, boxes.tolist(), found, strict=True):
        cut = image[None, :, top : top + height, left : left + width]
        expected = functional.interpolate(cut, size, mode="bilinear", antialias=True)[0]
        torch.testing.assert_close(each, expected, rtol=1e-6, atol=1e-6)


def test_a_crop_of_all_at_its_own_size_is_the_image_and_a_constant_stays_one() -> None:
    images = KEY.fold("whole").normal(3, 1, 7, 5)
    whole = torch.tensor([[0, 0, 7, 5]] * 3)
    assert torch.equal(resized(images, whole, (7, 5)), images)
    boxes = draw_boxes(KEY, 3, (7, 5), (0.1, 0.9), (0.5, 2.0))
    torch.testing.assert_close(resized(torch.full((3, 1, 7, 5), 0.3), boxes, (4, 6)), torch.full((3, 1, 4, 6), 0.3))


def test_a_crop_has_derivatives() -> None:
    images = KEY.fold("smooth").normal(2, 1, 4, 5).double().requires_grad_()
    boxes = torch.tensor([[1, 0, 3, 4], [0, 2, 2, 2]])
    assert torch.autograd.gradcheck(lambda each: resized(each, boxes, (3, 3)).square(), [images])
