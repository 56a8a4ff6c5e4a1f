"""Few levels and few colours: rounding by hand, streams of bits, what is stored is what training saw, and its cost."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.parameterizations import Bits, FixedInputs, Multiformation, Palette, SoftTargets
from limbeck.parameterizations.budgets import items_within
from limbeck.parameterizations.packing import bytes_of, packed, unpacked
from limbeck.parameterizations.palette import palettes_of
from limbeck.tasks import load

KEY = Key(("quantised",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("mlp-w4"), torch.device("cpu"), NoCache())


def batch(items: int = 4, side: int = 8, channels: int = 3) -> Batch:
    labels = torch.arange(items) % 3
    images = (
        KEY.fold("images").normal(items, channels, side, side) * torch.tensor([1.0, 5.0, 0.2])[:channels, None, None]
    )
    return Batch(images, torch.eye(10)[labels], labels)


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_stream_has_the_bits_of_its_numbers_and_no_more_than_a_byte_is_left_over(bits: int) -> None:
    for count in (1, 7, 8, 13):
        numbers = torch.tensor([(5 * index + 3) % 2**bits for index in range(count)])
        stream = packed(numbers, bits)
        assert len(stream) == bytes_of(count, bits) == math.ceil(count * bits / 8)
        whole = sum(int(number) << (bits * place) for place, number in enumerate(numbers))
        assert bytes(stream.tolist()) == whole.to_bytes(len(stream), "little")
        assert torch.equal(unpacked(stream, bits, count).long(), numbers)


@pytest.mark.parametrize("bits", [1, 3, 4, 8])
def test_every_number_is_within_half_a_level_of_itself_and_the_bounds_of_a_channel_are_kept(bits: int) -> None:
    start, part = batch(), Bits(bits)
    made = part.render(part.init(PROBLEM, start, KEY), KEY).inputs
    low, high = start.inputs.amin((0, 2, 3)), start.inputs.amax((0, 2, 3))
    level = (high - low) / (2**bits - 1)
    away = (made - start.inputs).abs().amax((0, 2, 3))
    assert bool((away <= level / 2 * (1 + 1e-5)).all()) and bool((away > level / 4).all())
    torch.testing.assert_close(made.amin((0, 2, 3)), low)
    torch.testing.assert_close(made.amax((0, 2, 3)), high)
    assert all(len(made[:, channel].unique()) <= 2**bits for channel in range(3))


def test_a_channel_of_one_number_keeps_it() -> None:
    start = batch()
    flat = start._replace(inputs=torch.tensor([0.1, -3.7, 0.0]).reshape(1, 3, 1, 1).expand(4, 3, 8, 8))
    part = Bits(2)
    assert torch.equal(part.render(part.init(PROBLEM, flat, KEY), KEY).inputs, flat.inputs)


@pytest.mark.parametrize(
    "part", [Bits(3), Bits(8, SoftTargets()), SoftTargets(Bits(1)), Bits(4, Multiformation(2)), Palette(5)], ids=str
)
def test_what_is_stored_renders_the_very_numbers_that_training_saw(part: Bits) -> None:
    params = part.init(PROBLEM, batch(), KEY)
    moved = tree.map(lambda leaf: leaf + 0.3 * KEY.fold("moved").normal(*leaf.shape), params.learned)
    params = Parameters(moved, params.fixed)
    seen, kept = part.render(params, KEY), part.render(part.stored(params), KEY)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(seen, kept, strict=True))
    learned = part.stored(params).learned
    assert "inputs" not in learned and ("targets" in learned) == ("targets" in params.learned)


def test_slopes_are_those_of_what_is_around_at_the_rounded_numbers() -> None:
    # Of pages, as they are linear, they are those of pages that are not rounded.
    start, inner = batch(), Multiformation(2)
    params = inner.init(PROBLEM, start, KEY)
    pages = params.learned["inputs"].requires_grad_()
    weights = KEY.fold("weights").normal(*start.inputs.shape)

    def slope(render: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.autograd.grad((render(pages) * weights).sum(), [pages])[0]

    plain = slope(lambda at: inner.render(Parameters({"inputs": at}, params.fixed), KEY).inputs)
    part = Bits(2, inner)
    ours = slope(lambda at: part.render(Parameters({"inputs": at}, {"items": params.fixed}), KEY).inputs)
    assert torch.equal(ours, plain)


def test_storage_holds_more_items_by_as_much_as_they_are_smaller() -> None:
    assert [items_within(Bits(bits), TASK, 10) for bits in (1, 4, 8)] == [320, 80, 40]
    assert items_within(Bits(8, Multiformation(2)), TASK, 3) == 3 * 4 * 4
    # A digit of 64 pixels in 4 colours: 16 bytes of colours and 16 of pixels, of 256 bytes.
    assert items_within(Palette(4), TASK, 2) == 2 * 256 // (4 * 4 + 64 * 2 // 8)


def test_as_many_colours_as_pixels_hold_an_image_exactly() -> None:
    start = batch()
    for colours in (64, 256):
        part = Palette(colours)
        params = part.init(PROBLEM, start, KEY)
        assert params.learned["palette"].shape == (4, colours, 3)
        assert torch.equal(part.render(params, KEY).inputs, start.inputs)


@pytest.mark.parametrize("colours", [2, 16, 255, 256])
def test_grey_levels_are_within_the_error_of_as_many_even_ones(colours: int) -> None:
    start, part = batch(side=24, channels=1), Palette(colours)
    # Colours that lie apart cover a range twice as coarsely as the best at most (Gonzalez 1985), whose pixels are no
    # further than range / (2 colours); means of their pixels lower the mean square (Lloyd 1982).
    pixels = start.inputs.flatten(1)
    missing = (part.render(part.init(PROBLEM, start, KEY), KEY).inputs.flatten(1) - pixels).square().mean(1).sqrt()
    assert bool((missing <= (pixels.amax(1) - pixels.amin(1)) / colours).all()) and bool((missing > 0).all())


def test_every_pixel_has_the_nearest_colour_of_the_palette_of_its_item() -> None:
    start, part = batch(), Palette(5)
    params = part.init(PROBLEM, start, KEY)
    palette = KEY.fold("palette").normal(4, 5, 3)
    made = part.render(Parameters({**params.learned, "palette": palette}, params.fixed), KEY).inputs
    pixels = start.inputs.flatten(2).mT
    nearest = torch.cdist(pixels.double(), palette.double()).argmin(2)
    for item in range(4):
        assert torch.equal(made[item].flatten(1).mT, palette[item, nearest[item]])


def test_the_slope_of_a_colour_is_the_sum_over_its_pixels() -> None:
    start, part = batch(), Palette(5)
    params = part.init(PROBLEM, start, KEY)
    palette = params.learned["palette"].requires_grad_()
    weights = KEY.fold("weights").normal(*start.inputs.shape)
    made = part.render(params, KEY).inputs
    (slope,) = torch.autograd.grad((made * weights).sum(), [palette])
    for item, colour in [(0, 0), (1, 3), (3, 4)]:
        its = (made[item] == palette[item, colour][:, None, None]).all(0)
        assert bool(its.any())
        torch.testing.assert_close(slope[item, colour], weights[item][:, its].sum(1))


def test_palettes_are_the_means_of_groups_that_lie_apart() -> None:
    centres = 10 * torch.eye(3)
    groups = torch.arange(30) % 3
    pixels = (centres[groups] + 0.1 * KEY.fold("spread").normal(30, 3))[None]
    (found,) = palettes_of(pixels, 3)
    means = torch.stack([pixels[0, groups == group].mean(0) for group in range(3)])
    torch.testing.assert_close(found[found.argmax(1).argsort()], means)


def test_no_palette_of_the_start_is_nearer_to_its_pixels_after_another_round() -> None:
    pixels = KEY.fold("pixels").normal(2, 40, 1)
    found = palettes_of(pixels, 4)
    nearest = (pixels - found.mT).abs().argmin(2)
    for item in range(2):
        for colour in range(4):
            mean = pixels[item, nearest[item] == colour].mean(0)
            torch.testing.assert_close(found[item, colour], mean)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bits(9), r"bits\.bits: found 9, expected a number from 1 to 8"),
        (lambda: Bits(0), r"bits\.bits: found 0"),
        (lambda: Palette(1), r"palette\.colours: found 1, expected a number from 2 to 256"),
        (lambda: Palette(257), r"palette\.colours: found 257"),
        (
            lambda: Bits(4, SoftTargets(Bits(8))),
            r"bits\.inner: found .*, expected a part whose numbers are stored whole",
        ),
        (lambda: Bits(4, Palette()), r"bits\.inner: found"),
        (
            lambda: Bits(8, FixedInputs()).init(PROBLEM, batch(), KEY),
            "bits: found fixed-inputs, which learns no numbers",
        ),
        (lambda: Palette().init(PROBLEM, flat(), KEY), r"palette: found inputs of the shape \(192,\), expected images"),
    ],
)
def test_what_it_cannot_be_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def flat() -> Batch:
    start = batch()
    return start._replace(inputs=start.inputs.flatten(1))


def test_inputs_that_are_no_images_are_rounded_between_one_pair_of_bounds() -> None:
    start, part = flat(), Bits(8)
    made = part.render(part.init(PROBLEM, start, KEY), KEY).inputs
    span = float(start.inputs.max() - start.inputs.min())
    assert float((made - start.inputs).abs().max()) <= span / 255 / 2 * (1 + 1e-5)
