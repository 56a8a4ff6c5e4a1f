"""Are damaged data of one's own refused in one line, or read, and nothing else?

    python benchmarks/fuzz_data.py --count 1500 [--first 0]

Each number is one trial, drawn from it alone: small images as npz (stored and compressed), as parquet, as a folder
for each class in six formats, as a folder with a table of labels, or as the IDX files of MNIST. One of the files is
damaged in one to three ways (`fuzz_sets.damage_bytes`), and the data are loaded. Pixels carry no checksum, so that some
damages are read. Any exception but an InputError of one line is a fault, as is any memory beyond the bound.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import io
import os
import random
import resource
import shutil
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from fuzz_sets import MEMORY, damage_bytes
from PIL import Image

import limbeck
from limbeck.core.errors import InputError

DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 255, (24, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(24) % 3
FORMATS = {"png": "PNG", "jpg": "JPEG", "bmp": "BMP", "gif": "GIF", "webp": "WEBP", "tiff": "TIFF"}


def encoded(image: np.ndarray, form: str = "PNG") -> bytes:
    """The file of an image."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, form)
    return content.getvalue()


def stored(folder: Path) -> str:
    """A NumPy archive."""
    np.savez(folder / "a.npz", x=IMAGES, y=LABELS)
    return f"npz:{folder}/a.npz"


def compressed(folder: Path) -> str:
    """A NumPy archive, compressed."""
    np.savez_compressed(folder / "a.npz", x=IMAGES, y=LABELS)
    return f"npz:{folder}/a.npz"


def parquet(folder: Path) -> str:
    """A table of files."""
    images = [{"bytes": encoded(image), "path": None} for image in IMAGES]
    pyarrow.parquet.write_table(pyarrow.table({"image": images, "label": LABELS}), folder / "a.parquet")
    return f"parquet:{folder}/a.parquet"


def classes(folder: Path) -> str:
    """A folder for each class, in every format."""
    for index, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        suffix, form = list(FORMATS.items())[index % len(FORMATS)]
        place = folder / "own" / f"c{label}" / f"{index}.{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encoded(image, form))
    return f"folder:{folder}/own"


def table(folder: Path) -> str:
    """A folder of images beside a table of their labels."""
    (folder / "own").mkdir(exist_ok=True)
    for index, image in enumerate(IMAGES):
        (folder / "own" / f"{index}.png").write_bytes(encoded(image))
    rows = [f"{index}.png,c{label}\n" for index, label in enumerate(LABELS)]
    (folder / "own" / "labels.csv").write_text("".join(["file,label\n", *rows]))
    return f"folder:{folder}/own"


def idx(folder: Path) -> str:
    """The files of MNIST."""
    (folder / "mnist").mkdir(exist_ok=True)
    images, labels = DRAW.integers(0, 255, (20, 28, 28), dtype=np.uint8), (np.arange(20) % 10).astype(np.uint8)
    for split in ("train", "t10k"):
        with gzip.open(folder / "mnist" / f"{split}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">IIII", 2051, 20, 28, 28) + images.tobytes())
        with gzip.open(folder / "mnist" / f"{split}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">II", 2049, 20) + labels.tobytes())
    return "mnist"


KINDS: tuple[Callable[[Path], str], ...] = (stored, compressed, parquet, classes, table, idx)


def outcome(number: int, folder: Path) -> tuple[str, str, str]:
    """The kind of data of a damage, what came of it, and what was said."""
    draw = random.Random(number)
    kind = draw.choice(KINDS)
    folder.mkdir()
    name = kind(folder)
    path = draw.choice(sorted(each for each in folder.rglob("*") if each.is_file()))
    content = path.read_bytes()
    for _ in range(draw.choice((1, 1, 2, 3))):
        content = damage_bytes(content, draw) if content else content
    path.write_bytes(content)
    try:
        limbeck.load(name, root=folder if kind is idx else None)
    except InputError as error:
        said = str(error)
        return kind.__name__, "refused" if said and "\n" not in said else "fault", said
    except Exception as error:
        return kind.__name__, "fault", f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(folder)
    return kind.__name__, "read", ""


def main() -> int:
    """Count the outcomes; 0 where there is no fault."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=1500)
    options.add_argument("--first", type=int, default=0, help="the first number")
    given = options.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    with tempfile.TemporaryDirectory() as root, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ["LIMBECK_CACHE"] = str(Path(root, "cache"))
        for number in range(given.first, given.first + given.count):
            kind, what, said = outcome(number, Path(root, "trial"))
            counts[kind, what] += 1
            if what == "fault":
                print(number, kind, said, flush=True)
            shutil.rmtree(Path(root, "cache"), ignore_errors=True)
    for (kind, what), count in sorted(counts.items()):
        print(f"{kind:12}{what:10}{count:6}")
    return int(any(what == "fault" for _, what in counts))


if __name__ == "__main__":
    sys.exit(main())
