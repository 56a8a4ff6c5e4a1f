"""Siamese augmentation against one image at a time, and its draws against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional

from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese, uniforms

KEY = Key(("augment",))
HALVES = (slice(0, 6), slice(6, 12))
COUNT = 48


def color(image: Tensor, u: list[float]) -> Tensor:
    image = image + (u[1] - 0.5)
    grey = image.mean(0, keepdim=True)
    image = grey + (image - grey) * (2 * u[2])
    return image.mean() + (image - image.mean()) * (0.5 + u[3])


def crop(image: Tensor, u: list[float]) -> Tensor:
    _, height, width = image.shape
    reach_y, reach_x = math.floor(height / 8 + 0.5), math.floor(width / 8 + 0.5)
    padded = functional.pad(image, (reach_x, reach_x, reach_y, reach_y))
    top, left = int(u[4] * (2 * reach_y + 1)), int(u[5] * (2 * reach_x + 1))
    return padded[:, top : top + height, left : left + width]


def cutout(image: Tensor, u: list[float]) -> Tensor:
    image = image.clone()
    _, height, width = image.shape
    hole_y, hole_x = math.floor(height / 2 + 0.5), math.floor(width / 2 + 0.5)
    centre_y, centre_x = int(u[6] * (height + 1 - hole_y % 2)), int(u[7] * (width + 1 - hole_x % 2))
    for y in range(centre_y - hole_y // 2, centre_y - hole_y // 2 + hole_y):
        for x in range(centre_x - hole_x // 2, centre_x - hole_x // 2 + hole_x):
            if 0 <= y < height and 0 <= x < width:
                image[:, y, x] = 0
    return image


def flip(image: Tensor, u: list[float]) -> Tensor:
    return image.flip(2) if u[8] < 0.5 else image


def resampled(image: Tensor, matrix: list[list[float]], aligned: bool = False) -> Tensor:
    grid = functional.affine_grid(torch.tensor([matrix], dtype=image.dtype), [1, *image.shape], align_corners=aligned)
    return functional.grid_sample(image[None], grid, mode="bilinear", padding_mode="zeros", align_corners=aligned)[0]


def scale(image: Tensor, u: list[float]) -> Tensor:
    across, down = (1 / 1.2 + (1.2 - 1 / 1.2) * number for number in (u[9], u[10]))
    return resampled(image, [[across, 0, 0], [0, down, 0]])


def rotate(image: Tensor, u: list[float]) -> Tensor:
    angle = (2 * u[11] - 1) * 15 * math.pi / 180
    return resampled(image, [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]])


@pytest.mark.parametrize("matrix", [[[0.9, 0, 0], [0, 1.1, 0]], [[0.97, -0.26, 0], [0.26, 0.97, 0]]])
def test_for_square_images_it_is_the_same_whether_corners_are_aligned(matrix: list[list[float]]) -> None:
    """Published codes differ in it: Zhao & Bilen (2021) do not align them, Cazenavette et al. (2022) do."""
    square, wide = images(3, 32, 32), images(3, 9, 14)
    torch.testing.assert_close(resampled(square, matrix), resampled(square, matrix, aligned=True), rtol=0, atol=1e-6)
    if matrix[0][1]:
        assert (resampled(wide, matrix) - resampled(wide, matrix, aligned=True)).abs().max() > 0.1


LITERAL = {"color": color, "crop": crop, "cutout": cutout, "flip": flip, "scale": scale, "rotate": rotate}


def images(*shape: int) -> Tensor:
    return KEY.fold("images").normal(*shape).double()


@pytest.mark.parametrize("name", LITERAL)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (1, 28, 28), (3, 9, 14)])
def test_an_operation_equals_its_definition_on_each_image(name: str, shape: tuple[int, int, int]) -> None:
    inputs, groups = images(COUNT, *shape), torch.arange(COUNT)
    found = Siamese((name,)).apply(inputs, KEY, groups)
    rows = uniforms(KEY, groups).tolist()
    expected = torch.stack([LITERAL[name](image, row) for image, row in zip(inputs, rows, strict=True)])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_all_six_together_are_the_one_operation_that_each_image_draws() -> None:
    inputs, groups = images(COUNT, 3, 16, 16), torch.arange(COUNT)
    rows = uniforms(KEY, groups).tolist()
    names = list(LITERAL)
    expected = torch.stack(
        [LITERAL[names[int(6 * row[0])]](image, row) for image, row in zip(inputs, rows, strict=True)]
    )
    torch.testing.assert_close(Siamese().apply(inputs, KEY, groups), expected, rtol=1e-6, atol=1e-6)


def test_together_all_images_of_a_call_undergo_one_operation_at_draws_of_their_own() -> None:
    images, groups = KEY.fold("images").normal(12, 3, 8, 8), torch.arange(12)
    seen = set()
    for key in map(KEY.fold, range(12)):
        found = Siamese(("flip", "rotate"), together=True).apply(images, key, groups)
        alone = {name: Siamese((name,)).apply(images, key, groups) for name in ("flip", "rotate")}
        (name,) = [name for name, each in alone.items() if torch.equal(each, found)]
        seen.add(name)
        # Parts of a batch undergo what the whole does.
        parts = [Siamese(("flip", "rotate"), together=True).apply(images[half], key, groups[half]) for half in HALVES]
        assert torch.equal(torch.cat(parts), found)
    assert seen == {"flip", "rotate"}


def test_without_flip_the_operation_is_drawn_among_the_other_five() -> None:
    inputs, groups = images(COUNT, 3, 16, 16), torch.arange(COUNT)
    rows = uniforms(KEY, groups).tolist()
    names = [name for name in LITERAL if name != "flip"]
    expected = torch.stack(
        [LITERAL[names[int(5 * row[0])]](image, row) for image, row in zip(inputs, rows, strict=True)]
    )
    torch.testing.assert_close(Siamese().without("flip").apply(inputs, KEY, groups), expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(Siamese(("flip",)).without("flip").apply(inputs, KEY, groups), inputs)


def test_equal_groups_get_equal_draws_on_both_sides_whatever_else_is_there() -> None:
    image = images(1, 3, 16, 16)
    real = Siamese().apply(image.expand(7, -1, -1, -1), KEY, torch.tensor([5, 2, 5, 9, 2, 0, 3000]))
    synthetic = Siamese().apply(image.expand(4, -1, -1, -1), KEY, torch.tensor([2, 5, 9, 3000]))
    assert torch.equal(real[0], real[2])
    assert torch.equal(real[1], real[4])
    assert torch.equal(real[[1, 0, 3, 6]], synthetic)


def test_zeros_as_groups_treat_all_images_alike() -> None:
    image = images(1, 3, 16, 16)
    found = Siamese().apply(image.expand(9, -1, -1, -1), KEY, torch.zeros(9, dtype=torch.int64))
    assert torch.equal(found, found[:1].expand_as(found))


def test_another_key_draws_otherwise() -> None:
    groups = torch.arange(COUNT)
    assert torch.equal(uniforms(KEY, groups), uniforms(KEY, groups))
    assert not (uniforms(KEY, groups) == uniforms(KEY.fold(1), groups)).any()


def test_draws_are_independent_uniform_numbers() -> None:
    rows = uniforms(KEY, torch.arange(20000)).double()
    # Five standard errors: of a mean sqrt(1/12/n), of a variance sqrt(1/180/n), of a correlation 1/sqrt(n).
    assert ((rows.mean(0) - 1 / 2).abs() < 5 * math.sqrt(1 / 12 / len(rows))).all()
    assert ((rows.var(0) - 1 / 12).abs() < 5 * math.sqrt(1 / 180 / len(rows))).all()
    assert ((torch.corrcoef(rows.T) - torch.eye(12)).abs() < 5 / math.sqrt(len(rows))).all()


def test_shifts_and_hole_centres_are_uniform_over_all_that_is_allowed() -> None:
    count, side = 9000, 8
    groups = torch.arange(count)
    # A ramp without zeros shows its shift at an inner pixel: (y, x) -> 1 + 8 y + x.
    ramp = (1 + torch.arange(64.0)).view(1, 1, side, side).expand(count, -1, -1, -1)
    shifts = Siamese(("crop",)).apply(ramp, KEY, groups)[:, 0, 4, 4] - ramp[0, 0, 4, 4]
    values, counts = shifts.unique(return_counts=True)
    assert values.tolist() == [-9, -8, -7, -1, 0, 1, 7, 8, 9]
    assert ((counts - count / 9).abs() < 5 * math.sqrt(count * 8 / 81)).all()
    # A 4 x 4 hole centred on one of 9 lines keeps 2, 3, 4, 4, 4, 4, 4, 3, 2 rows within the image: 30 / 9 in the mean.
    cut = (Siamese(("cutout",)).apply(ramp, KEY, groups) == 0).double().sum((1, 2, 3))
    second = (2 * 4 + 2 * 9 + 5 * 16) / 9
    deviation = math.sqrt((second**2 - (30 / 9) ** 4) / count)
    assert abs(float(cut.mean()) - (30 / 9) ** 2) < 5 * deviation


@pytest.mark.parametrize("name", LITERAL)
def test_an_operation_is_differentiable_twice(name: str) -> None:
    inputs, groups = images(3, 2, 4, 5).requires_grad_(), torch.tensor([0, 1, 1])

    def augment(inputs: Tensor) -> Tensor:
        return Siamese((name,)).apply(inputs, KEY, groups)

    assert torch.autograd.gradcheck(augment, (inputs,))
    assert torch.autograd.gradgradcheck(augment, (inputs,))


def test_vmap_over_populations_of_images_equals_a_loop() -> None:
    inputs, groups = images(4, 12, 3, 8, 8), torch.arange(12)

    def augment(inputs: Tensor) -> Tensor:
        return Siamese().apply(inputs, KEY, groups)

    torch.testing.assert_close(
        vmap(augment, randomness="same")(inputs), torch.stack([augment(part) for part in inputs])
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_type_and_shape_are_kept(dtype: torch.dtype) -> None:
    for count in (0, 1, 30):
        inputs = images(count, 1, 8, 8).to(dtype)
        found = Siamese().apply(inputs, KEY, torch.arange(count))
        assert (found.dtype, found.shape) == (dtype, inputs.shape)


def test_an_unknown_operation_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"unknown augmentation 'colour': did you mean 'color'"):
        Siamese(("colour",)).apply(images(1, 1, 8, 8), KEY, torch.arange(1))


@pytest.mark.parametrize("operation", Siamese().operations)
def test_images_of_a_group_in_a_run_are_what_they_are_one_by_one_to_the_bit(operation: str) -> None:
    policy, groups = Siamese((operation,)), torch.arange(4).repeat_interleave(6)
    images, weights = (KEY.fold("runs", name).normal(24, 3, 9, 8) for name in ("images", "weights"))
    apart = KEY.fold("order").permutation(24)

    def shown(rows: Tensor) -> tuple[Tensor, Tensor]:
        """The images in an order, and the gradient of their weighted sum, in the order of their numbers."""
        learned = images.clone().requires_grad_()
        made = policy.apply(learned[rows], KEY, groups[rows])
        (slope,) = torch.autograd.grad((made * weights[rows]).sum(), learned)
        return made.detach()[rows.argsort()], slope

    together, mixed = shown(torch.arange(24)), shown(apart)
    assert all(torch.equal(one, other) for one, other in zip(together, mixed, strict=True))
