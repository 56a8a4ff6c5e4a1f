"""A picture of a set names the class of each row, whatever the names are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import limbeck
from limbeck.cli import main
from limbeck.codecs import ImageCodec
from limbeck.core.contracts import Batch
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held
from limbeck.schedules import Fixed
from limbeck.show import MARGIN, SHORTEST, SPACING, drawable, grid, labelled, share_clipped

ROW = SHORTEST + SPACING


def set_of(labels: list[int], *classes: str) -> DistilledSet:
    """Black images of those classes."""
    task, chosen = limbeck.load("digits"), torch.tensor(labels)
    targets = torch.nn.functional.one_hot(chosen, len(classes)).float()
    batch = Batch(task.codec.encode(torch.zeros(len(labels), 1, 8, 8)), targets, chosen)
    return DistilledSet(
        params=held(batch),
        parameterization=Pixels(),
        schedule=Fixed().render({}, chosen, Key()),
        codec=task.codec,
        classes=classes,
        data=task.reference,
        spec={"network": "mlp"},
    )


def written(picture: torch.Tensor, images: torch.Tensor) -> list[bool]:
    """For each row, whether anything is written before it."""
    before = picture[:, : picture.shape[1] - images.shape[1]]
    assert bool((before[:, :1] == 255).all()) and bool((before[:, -MARGIN + 1 :] == 255).all())
    return [bool((part < 128).any()) for part in before.split(ROW)]


def test_each_class_is_named_once_before_its_first_row_and_the_images_stay() -> None:
    distilled = set_of([0, 0, 0, 1, 3], "one", "two", "none", "four")
    images, picture = grid(distilled, columns=2), labelled(distilled, columns=2)
    assert torch.equal(picture[:, -images.shape[1] :], images)
    assert written(picture, images) == [True, False, True, True, True]


def test_another_name_is_another_picture() -> None:
    one, other = (labelled(set_of([0], name)) for name in ("cat", "dog"))
    assert one.shape != other.shape or not torch.equal(one, other)


@pytest.mark.parametrize("name", ["line\nfeed", "\x1b[31mred", "", "猫", "[red]", "../x", "Zoë", "x" * 500, "\u202e"])
def test_any_name_is_drawn_on_one_line_and_told_without_control_codes(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_of([0, 1], name, "other").save(tmp_path / "set.safetensors")
    assert main(["show", str(tmp_path / "set.safetensors"), "--out", str(tmp_path / "a.png")]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 3 and "\x1b" not in said and "\u202e" not in said
    assert drawable(name).isprintable() and 0 < len(drawable(name)) <= 32
    height, width = np.asarray(Image.open(tmp_path / "a.png")).shape[:2]
    assert height == 2 * ROW - SPACING and width < 600


def test_real_pixels_are_not_said_to_be_clipped() -> None:
    distilled = set_of([0, 1], "a", "b")
    codec = ImageCodec((0.4914,), (0.2023,))
    ramp = torch.linspace(0, 1, 128).view(2, 1, 8, 8)
    for pixels, share in ((ramp, 0.0), (ramp * 1.5, float((ramp * 1.5 > 1).double().mean()))):
        batch = distilled.batch._replace(inputs=codec.encode(pixels))
        assert share_clipped(replace(distilled, codec=codec, params=held(batch))) == share


def test_the_normalisation_is_inverted_as_the_documentation_says() -> None:
    distilled = set_of([0, 1], "a", "b")
    codec, inputs = distilled.codec, distilled.batch.inputs
    assert torch.equal(distilled.native, codec.decode(inputs))
    torch.testing.assert_close(inputs * codec.std[0] + codec.mean[0], distilled.native)
    again = replace(distilled, params=held(distilled.batch))
    assert again == distilled
