"""Picture files, 8 bits, in a folder for each class: flat, or within `train`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from limbeck.exported import npz
from limbeck.exported.contents import Contents
from limbeck.exported.eight_bits import eight_bits_section, pictures_of
from limbeck.exported.written import INDEX, README, Known, Written

TRAINING = "training.npz"
"""What pictures do not hold: labels, constants, how to train."""
PICTURES = "pictures"
"""What the index calls its list of files and labels, in the order of the items."""
LONGEST = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def write_flat(contents: Contents, name: str, known: Known) -> Written:
    """CLASS/ITEM.png."""
    return _write(contents, "png", "", known)


def write_split(contents: Contents, name: str, known: Known) -> Written:
    """train/CLASS/ITEM.png, as torchvision's ImageFolder and limbeck's `folder:` read it."""
    return _write(contents, "folder", "train/", known)


def _write(contents: Contents, format: str, below: str, known: Known) -> Written:
    pictures = pictures_of(contents.distilled, format)
    labels, named = contents.arrays["labels"].tolist(), folders(contents.facts["classes"])
    width = max(4, len(str(len(labels) - 1)))
    paths = [f"{below}{named[label]}/{item:0{width}}.png" for item, label in enumerate(labels)]
    files = {path: pictures.png(item) for item, path in enumerate(paths)}
    files[TRAINING] = npz.archive(contents.about_training, contents.facts)
    root = below.rstrip("/") or "."
    empty = sum(label not in labels for label in range(len(named)))
    there = (
        f"torchvision's `ImageFolder({root!r})` reads them"
        + ("; its labels are those of the classes below" if not empty else f", but numbers classes without the {empty} "
           f"that have no item: take labels from `{INDEX}`")
    )  # fmt: skip
    holds = [
        (f"{below}CLASS/ITEM.png", f"{len(labels)} pictures, {pictures.levels.shape[1]} channels of 8 bits; {there}"),
        *about(),
    ]
    index = {
        "folders": dict(zip(named, range(len(named)), strict=True)),
        PICTURES: [{"file": path, "label": label} for path, label in zip(paths, labels, strict=True)],
    }
    return Written(
        files,
        holds,
        USE,
        [eight_bits_section(pictures.cost, known.in_eight_bits)],
        "",
        index,
        pictures.cost,
    )


def about() -> list[tuple[str, str]]:
    """What lies beside pictures."""
    return [
        (TRAINING, "labels, soft labels where there are, constants and how to train, for `numpy.load`; no pictures"),
        (INDEX, "the class names exactly, and what else there is to know"),
        (README, "this text"),
    ]


USE = f"""\
import json
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

index = json.loads(Path("{INDEX}").read_text("utf-8"))
x = np.stack([np.asarray(Image.open(each["file"])) / 255 for each in index["{PICTURES}"]])
y = [each["label"] for each in index["{PICTURES}"]]
model = KNeighborsClassifier(n_neighbors=1).fit(x.reshape(len(x), -1), y)
print(index["classes"][model.predict(x[:1].reshape(1, -1))[0]])"""


def folders(classes: Sequence[str]) -> list[str]:
    """A name of a folder for each class: its own where all can be had, and sort as the classes do; else numbered.

    >>> folders(("cat", "dog")), folders(("dog", "cat")), folders(("../x", "T-shirt/top", ""))
    (['cat', 'dog'], ['0-dog', '1-cat'], ['0-x', '1-T-shirt-top', '2'])
    """
    alike = {unicodedata.normalize("NFKC", name).casefold() for name in classes}
    if all(map(_usable, classes)) and len(alike) == len(classes) and sorted(classes) == list(classes):
        return list(classes)
    width = len(str(len(classes) - 1))
    return [f"{label:0{width}}-{_slug(name)}".rstrip("-") for label, name in enumerate(classes)]


def _usable(name: str) -> bool:
    """Whether every system has a folder of that name, and nobody takes it for anything else."""
    plain = re.fullmatch(r"\w[\w .+-]*", name) is not None and not name.endswith((" ", "."))
    short = len(name.encode(errors="replace")) <= LONGEST
    return plain and short and not _RESERVED.fullmatch(name) and unicodedata.is_normalized("NFC", name)


def _slug(name: str) -> str:
    """What of a name can stand in the name of a folder: plain letters and digits, the rest as hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40]
