"""Normalisation: the constants, the way back, and what whitening does to the covariance."""

from __future__ import annotations

import pytest
import torch

from limbeck.codecs import Identity, ImageCodec, codec_of, header_of
from limbeck.codecs.images import RIDGE, fit_channels, fit_zca
from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors, write_tensors
from limbeck.core.key import Key
from limbeck.show import to_screen
from limbeck.tasks import load
from limbeck.tasks.catalog import NAMED

IMAGES = Key(("images",)).uniform(400, 3, 4, 4) * torch.tensor([0.2, 0.5, 1.0]).view(3, 1, 1)


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("mnist", (0.1307,), (0.3081,)),
        ("fashion_mnist", (0.2861,), (0.3530,)),
        ("cifar10", (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
        ("cifar10_exact", (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
        ("cifar100", (0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
        ("svhn", (0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
        ("tiny_imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("tiny_imagenet_10", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_named_sets_use_the_constants_of_the_field(name, mean, std):
    assert NAMED[name].codec == ImageCodec(mean, std)


def test_only_sets_of_digits_are_not_mirrored():
    assert {name for name, named in NAMED.items() if not named.mirror} == {"digits", "mnist", "svhn"}


def test_the_reach_of_cifar10_pixels_in_normalised_units():
    constants = NAMED["cifar10"].codec
    assert constants is not None
    ends = constants.encode(torch.stack([torch.zeros(3, 1, 1), torch.ones(3, 1, 1)]))
    torch.testing.assert_close(ends[0].flatten(), torch.tensor([-2.429, -2.418, -2.221]), atol=5e-4, rtol=0)
    torch.testing.assert_close(ends[1].flatten(), torch.tensor([2.514, 2.597, 2.754]), atol=5e-4, rtol=0)


def test_fitted_channels_have_mean_0_and_std_1_however_the_images_are_cut():
    fitted = fit_channels(IMAGES.split(37))
    normal = fitted.encode(IMAGES)
    torch.testing.assert_close(normal.mean((0, 2, 3)), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(normal.std((0, 2, 3), correction=0), torch.ones(3))
    assert fitted.mean == pytest.approx(fit_channels([IMAGES]).mean, rel=1e-12)


def test_a_constant_channel_is_only_shifted():
    images = IMAGES.clone()
    images[:, 1] = 0.25
    fitted = fit_channels([images])
    assert fitted.std[1] == 1.0
    assert fitted.encode(images)[:, 1].abs().max() == 0


def test_inversion_returns_the_pixels():
    fitted = fit_channels([IMAGES])
    torch.testing.assert_close(fitted.decode(fitted.encode(IMAGES)), IMAGES, atol=1e-6, rtol=0)


def test_whitening_takes_each_eigenvalue_s_of_the_covariance_to_s_over_s_plus_ridge():
    mixed = IMAGES.clone()
    mixed[:, 0] += 0.7 * mixed[:, 2]  # correlated channels, so that there is something to whiten
    channels = fit_channels([mixed])
    normal = channels.encode(mixed)
    white = fit_zca(lambda: normal.split(90)).apply(normal).flatten(1)
    before, after = torch.cov(normal.flatten(1).T.double()), torch.cov(white.T.double())
    values, vectors = torch.linalg.eigh(before)
    assert values[-1] / values[0] > 10
    torch.testing.assert_close(after, (vectors * (values / (values + RIDGE))) @ vectors.T, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(white.mean(0), torch.zeros(48), atol=1e-5, rtol=0)


def test_whitening_is_symmetric_and_commutes_with_the_covariance():
    normal = fit_channels([IMAGES]).encode(IMAGES)
    matrix = fit_zca(lambda: [normal]).matrix.double()
    covariance = torch.cov(normal.flatten(1).T.double())
    torch.testing.assert_close(matrix, matrix.T, atol=1e-6, rtol=0)
    torch.testing.assert_close(matrix @ covariance, covariance @ matrix, atol=1e-5, rtol=0)


def test_whitened_digits_invert_to_their_pixels_within_a_ten_thousandth():
    task, plain = load("digits", zca=True), load("digits")
    rows = torch.arange(50)
    pixels = plain.splits["train"].pixels(rows)
    inputs = task.load("train", rows).inputs
    assert (inputs - plain.load("train", rows).inputs).abs().max() > 0.1
    assert (task.codec.decode(inputs) - pixels).abs().max() < 1e-4


def test_whitening_is_fitted_on_the_training_split_alone():
    task, plain = load("digits", zca=True), load("digits")
    again = fit_zca(lambda: [plain.load("train").inputs])
    assert task.codec.zca is not None
    torch.testing.assert_close(task.codec.zca.matrix, again.matrix, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(task.load("train").inputs.mean(0), torch.zeros(1, 8, 8), atol=1e-5, rtol=0)


def test_images_too_large_to_whiten_are_refused():
    with pytest.raises(InputError, match="ZCA of images of 12288 numbers, expected at most 8192"):
        fit_zca(lambda: [torch.zeros(2, 3, 64, 64)])


@pytest.mark.parametrize("white", [False, True])
def test_a_normalisation_survives_a_file_bit_for_bit(tmp_path, white):
    plain = fit_channels([IMAGES])
    normal = plain.encode(IMAGES)
    made = ImageCodec(plain.mean, plain.std, fit_zca(lambda: [normal]) if white else None)
    write_tensors(tmp_path / "it.safetensors", made.to_tensors(), made.header())
    tensors, header = read_tensors(tmp_path / "it.safetensors")
    read = ImageCodec.from_tensors(tensors)
    assert (read.mean, read.std) == (made.mean, made.std)
    assert header == {"mean": list(made.mean), "std": list(made.std), "zca": white}
    assert torch.equal(read.encode(IMAGES), made.encode(IMAGES))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("std"), "without 'std'"),
        (lambda tensors: tensors.update(std=torch.ones(2)), "one finite mean and one positive std per channel"),
        (lambda tensors: tensors.update(std=torch.zeros(3)), "positive std"),
        (lambda tensors: tensors.update(zca_matrix=torch.eye(4)), "without 'zca_mean'"),
        (lambda tensors: tensors.update(zca_matrix=torch.eye(4), zca_mean=torch.zeros(5)), "square zca_matrix"),
    ],
)
def test_a_damaged_normalisation_is_refused(change, message):
    tensors = fit_channels([IMAGES]).to_tensors()
    change(tensors)
    with pytest.raises(InputError, match=message):
        ImageCodec.from_tensors(tensors)


def test_normalising_is_differentiable_twice():
    plain = fit_channels([IMAGES.double()])
    normal = plain.encode(IMAGES.double())
    made = ImageCodec(plain.mean, plain.std, fit_zca(lambda: [normal]))
    inputs = IMAGES[:1, :, :2, :2].double().requires_grad_()
    channels = ImageCodec(made.mean, made.std)
    assert torch.autograd.gradcheck(channels.encode, (inputs,))
    assert torch.autograd.gradgradcheck(lambda images: channels.encode(images).pow(3), (inputs,))


def test_clipping_goes_to_the_nearest_image_and_a_picture_is_its_bytes():
    codec = ImageCodec((0.5,) * 3, (0.25,) * 3)
    native = torch.linspace(-0.5, 1.5, 3 * 4 * 5).view(1, 3, 4, 5)
    assert torch.equal(codec.clip(native), native.clamp(0, 1))
    drawn = codec.picture(native[0])
    assert drawn is not None and torch.equal(
        drawn.movedim(-1, 0), (native[0].clamp(0, 1) * 255).round().to(torch.uint8)
    )
    grey = codec.picture(native[0, :1])
    assert grey is not None and grey.shape == (4, 5, 3) and torch.equal(grey[..., 0], grey[..., 2])
    assert codec.picture(native[0, :2]) is None


def test_the_identity_changes_nothing_and_has_no_picture():
    tree = {"x": torch.ones(2, 3), "y": torch.zeros(2, 2)}
    assert Identity().decode(Identity().encode(tree)) is tree and Identity().clip(tree) is tree
    assert Identity().picture({"x": torch.ones(3), "y": torch.zeros(2)}) is None


def test_items_without_a_picture_are_not_shown_and_the_line_says_how_to_read_them():
    with pytest.raises(InputError, match=r"items of the codec identity have no picture, .*\.native"):
        to_screen(Identity(), {"x": torch.ones(2, 3)})
    shown = to_screen(ImageCodec((0.5,), (0.25,)), torch.ones(2, 1, 16, 20))
    assert shown.shape == (2, 64, 80, 3) and bool((shown == 255).all())


@pytest.mark.parametrize("codec", [Identity(), ImageCodec((0.5,), (0.25,))], ids=["identity", "images"])
def test_a_codec_is_found_again_by_its_name(codec):
    assert codec_of(header_of(codec), codec.to_tensors()) == codec


def test_a_codec_of_no_installed_package_is_refused():
    with pytest.raises(InputError, match=r"unknown codec 'image-codex': did you mean 'image-codec' or 'pair-codec'\?"):
        codec_of({"name": "image-codex"}, {})
