"""What DD-Ranking 0.2 (Li et al. 2025, arXiv 2505.13300) takes: tensors of images, labels and a learning rate.

Its tutorial loads three files by `torch.load` and hands the tensors to `compute_metrics`. Images are to be in the units
of its own test data, items class by class and as many of each: where no labels are given it numbers them so.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.codecs import ImageCodec
from limbeck.core.errors import InputError
from limbeck.exported.contents import Contents
from limbeck.exported.readme import sees_all
from limbeck.exported.written import INDEX, README, Known, Written


class Board(NamedTuple):
    """What the leaderboard calls data of limbeck's, and the constants that it normalises them by."""

    name: str
    codec: ImageCodec


_CIFAR = ImageCodec((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
_IMAGENET = ImageCodec((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BOARDS = {
    "cifar10": Board("CIFAR10", _CIFAR),
    "cifar10_exact": Board("CIFAR10", _CIFAR),
    "cifar100": Board("CIFAR100", _CIFAR),
    "tiny_imagenet": Board("TinyImageNet", _IMAGENET),
}
"""By the name of the data. CIFAR-100 has the constants of CIFAR-10 there."""


def write(contents: Contents, name: str, known: Known) -> Written:
    """images.pt, labels.pt and lr.pt; InputError for sets that the leaderboard has no place for."""
    board, per_class = _board(contents), _per_class(contents)
    codec, labels = contents.distilled.codec, contents.arrays["labels"]
    order = labels.argsort(stable=True)
    own = codec == board.codec
    images = contents.arrays["images_normalised"] if own else board.codec.encode(contents.arrays["images"])
    soft = contents.targets == "soft_labels"
    chosen = contents.arrays[contents.targets][order]
    rate = float(contents.arrays["learning_rate"])
    files = {"images.pt": _bytes(images[order]), "labels.pt": _bytes(chosen), "lr.pt": _bytes(torch.tensor(rate))}
    kind = "soft labels (item, class)" if soft else "labels (item,)"
    holds = [
        ("images.pt", f"{tuple(images.shape)}: images as {board.name} is normalised there, class by class"),
        ("labels.pt", f"{kind}, in the same order"),
        ("lr.pt", f"the learning rate, {rate:.6g}"),
        (INDEX, "the class names exactly, and what else there is to know"),
        (README, "this text"),
    ]
    sections = [("On the leaderboard", _text(board, per_class, soft, own, sees_all(contents.distilled)))]
    return Written(files, holds, _use(len(contents.facts["classes"])), sections)


def _board(contents: Contents) -> Board:
    data, codec = contents.facts["data"]["name"], contents.distilled.codec
    if data not in BOARDS:
        raise InputError(
            f"--format ddranking: the set is of {data}, and the leaderboard has {', '.join(BOARDS)}; "
            "choose --format pt, which any data can have"
        )
    if not isinstance(codec, ImageCodec) or codec.zca is not None:
        raise InputError(
            "--format ddranking: the set is of whitened images, which DD-Ranking whitens in another way; choose "
            "--format pt, or distil without --zca"
        )
    return BOARDS[data]


def _per_class(contents: Contents) -> int:
    counts = contents.arrays["labels"].bincount(minlength=len(contents.facts["classes"])).tolist()
    if len(set(counts)) > 1:
        raise InputError(
            f"--format ddranking: the set has {min(counts)} to {max(counts)} items of a class, and the leaderboard "
            "takes as many of each; choose --format pt, or distil with --ipc"
        )
    return int(counts[0])


def _bytes(tensor: Tensor) -> bytes:
    memory = io.BytesIO()
    torch.save(tensor.contiguous().clone(), memory)
    return memory.getvalue()


def _text(board: Board, per_class: int, soft: bool, own: bool, all_items: bool) -> str:
    metric, label = ("LabelRobustScoreSoft", "soft_labels") if soft else ("LabelRobustScoreHard", "hard_labels")
    lines = [
        f'By the tutorial of ddranking 0.2 (not tried here): make a `{metric}` with `dataset="{board.name}"` and '
        f"`ipc={per_class}`, then call `compute_metrics(image_tensor=images, {label}=labels, syn_lr=lr)`. Leave "
        "`syn_lr` out and it searches one. Its classes must be in the order of those below.",
    ]
    if not own:
        lines.append(
            "Its constants are not those that the set was distilled with: the pixels are the same, the units not."
        )
    if not all_items:
        lines.append("The order in which the set is meant to be seen has no place there.")
    return " ".join(lines)


def _use(classes: int) -> str:
    return f"""\
import torch

images, labels, lr = (torch.load(f"{{name}}.pt", weights_only=True) for name in ("images", "labels", "lr"))
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(images[0].numel(), {classes}))
optimizer = torch.optim.SGD(network.parameters(), lr=float(lr))
for step in range(20):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
print("loss", loss.item())"""
