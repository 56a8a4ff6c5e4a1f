"""The named sets: where each may lie under the root, and the constants the field uses for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from limbeck.codecs import ImageCodec
from limbeck.core.errors import InputError
from limbeck.tasks.places import not_found, root_of
from limbeck.tasks.readers import cifar_binary, digits, idx, parquet, svhn_mat, tiny_imagenet
from limbeck.tasks.readers.source import Source


@dataclass(frozen=True)
class Layout:
    """One way a set may lie under the root."""

    place: str
    """The folder, relative to the root."""
    contents: str
    """What is expected in it."""
    find: Callable[[Path], Source | None]


@dataclass(frozen=True)
class Named:
    """A set with a name of its own."""

    summary: str
    layouts: tuple[Layout, ...]
    """Tried in order; none for a set that is always there."""
    codec: ImageCodec | None
    """The constants that published results use; None to take those of the training split."""
    mirror: bool
    """Whether a mirrored image is still of its class."""
    lossless: bool
    """Whether the published images are exact, so that a JPEG copy is not the same data."""
    notes: tuple[str, ...] = ()


_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR10_CONSTANTS = ImageCodec((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
_IMAGENET_CONSTANTS = ImageCodec((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _parquet(folder: str, test: str = "test") -> Layout:
    return Layout(folder, f"train*.parquet and {test}*.parquet", partial(parquet.find_named, test=test))


def _idx(folders: tuple[str, ...], classes: tuple[str, ...]) -> tuple[Layout, ...]:
    contents = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-... (or .gz)"
    return tuple(Layout(folder, contents, partial(idx.find, classes=classes)) for folder in folders)


def _exact_shards(folder: Path) -> Source | None:
    """Shards 0 to 3 to train on and shard 4 to test on."""
    shards = tuple(folder / f"train-{index:05}-of-00005.parquet" for index in range(5))
    if not all(shard.is_file() for shard in shards):
        return None
    return parquet.of_files({"train": shards[:4], "test": shards[4:]})


NAMED: dict[str, Named] = {
    "digits": Named("scikit-learn's 1,797 digits, 8 x 8 grey; always there", (), None, False, True),
    "mnist": Named(
        "70,000 hand-written digits, 28 x 28 grey",
        (_parquet("mnist"), *_idx(("mnist", "MNIST/raw"), _DIGITS)),
        ImageCodec((0.1307,), (0.3081,)),
        False,
        True,
    ),
    "fashion_mnist": Named(
        "70,000 pieces of clothing in 10 classes, 28 x 28 grey",
        (_parquet("fashion_mnist"), *_idx(("fashion_mnist", "FashionMNIST/raw"), _CLOTHES)),
        ImageCodec((0.2861,), (0.3530,)),
        True,
        True,
    ),
    "cifar10": Named(
        "60,000 photographs in 10 classes, 32 x 32 colour",
        (
            _parquet("cifar10"),
            Layout(
                "cifar-10-batches-bin",
                "data_batch_1.bin to data_batch_5.bin and test_batch.bin",
                partial(cifar_binary.find_cifar10, classes=_CIFAR10),
            ),
        ),
        _CIFAR10_CONSTANTS,
        True,
        True,
    ),
    "cifar10_exact": Named(
        "the 50,000 lossless training images of CIFAR-10: 40,000 to train and 10,000 to test",
        (Layout("cifar10_exact", "train-00000-of-00005.parquet to train-00004-of-00005.parquet", _exact_shards),),
        _CIFAR10_CONSTANTS,
        True,
        True,
        (
            "trained on the first 40,000 and tested on the last 10,000 of CIFAR-10's training images, "
            "not on its own test images",
        ),
    ),
    "cifar100": Named(
        "60,000 photographs in 100 classes, 32 x 32 colour",
        (
            _parquet("cifar100"),
            Layout(
                "cifar-100-binary",
                "train.bin, test.bin and fine_label_names.txt",
                cifar_binary.find_cifar100,
            ),
        ),
        ImageCodec((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
        True,
        True,
    ),
    "svhn": Named(
        "99,289 digits from house numbers, 32 x 32 colour",
        (
            _parquet("svhn"),
            *(Layout(folder, "train_32x32.mat and test_32x32.mat", svhn_mat.find) for folder in ("svhn", "SVHN", ".")),
        ),
        ImageCodec((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
        False,
        True,
    ),
    "tiny_imagenet_10": Named(
        "5,500 photographs in 10 easy classes of Tiny ImageNet, 64 x 64 colour",
        (_parquet("tiny_imagenet_10", "validation"), _parquet("tiny_imagenet_10", "test")),
        _IMAGENET_CONSTANTS,
        True,
        False,
        ("ten visually distinct classes chosen by hand, easier than ten at random",),
    ),
    "tiny_imagenet": Named(
        "110,000 photographs in 200 classes, 64 x 64 colour",
        (
            _parquet("tiny_imagenet", "validation"),
            Layout("tiny-imagenet-200", "train/ and val/val_annotations.txt", tiny_imagenet.find),
        ),
        _IMAGENET_CONSTANTS,
        True,
        False,
    ),
}

# Folders of pickled batches, and the archive to download in their place.
_PICKLED = {
    "cifar10": ("cifar-10-batches-py", "cifar-10-binary.tar.gz"),
    "cifar100": ("cifar-100-python", "cifar-100-binary.tar.gz"),
}


def locate(name: str, root: Path | None) -> Source:
    """The files of the set called `name` under `root`.

    Raises InputError that says exactly where was looked, and for what.
    """
    named = NAMED[name]
    if not named.layouts:
        return digits.find()
    root = root_of(name, root)
    for layout in named.layouts:
        source = layout.find(root / layout.place)
        if source is not None:
            return source
    if name in _PICKLED and (root / _PICKLED[name][0]).is_dir():
        folder, archive = _PICKLED[name]
        raise InputError(
            f"{name}: found only pickled batches in {root / folder}, which are never loaded; "
            f"download the binary version ({archive}) and unpack it in {root}"
        )
    looked = "; or ".join(f"{root / layout.place} for {layout.contents}" for layout in named.layouts)
    raise not_found(name, f"in {looked}")
