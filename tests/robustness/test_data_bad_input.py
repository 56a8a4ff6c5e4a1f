"""Unusable data are refused in one line that names what, where and what to do, and leave nothing behind."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from limbeck.core.errors import InputError
from limbeck.tasks import load

X = np.random.default_rng(0).integers(0, 256, (12, 6, 6), dtype=np.uint8)
Y = np.arange(12) % 2


def refused(tmp_path: Path, data: str, *fragments: object, **options) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(InputError) as caught:
        load(data, cache=cache, **options)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in fragments:
        assert str(fragment) in message, message
    assert not cache.exists() or not any(cache.iterdir())


def encode(image: np.ndarray, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    for index, (image, label) in enumerate(zip(X, Y, strict=True)):
        path = root / f"{'cat' if label else 'dog'}/{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(image))
    return root


def enormous_png() -> bytes:
    """A header of a few bytes that claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_truncated_image_is_named(tmp_path, folder, form):
    whole = encode(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8), form)
    bad = folder / "cat/1.png"
    bad.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, f"folder:{folder}", bad, "truncated image", "replace or remove it", size=6)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"\0" * 40])
def test_what_is_no_image_is_named(tmp_path, folder, content):
    bad = folder / "dog/4.png"
    bad.write_bytes(content)
    refused(tmp_path, f"folder:{folder}", bad, "unreadable", "expected a whole image")


@pytest.mark.parametrize("side", [60000, 11000])
def test_a_decompression_bomb_is_named_before_it_is_decoded(tmp_path, folder, side):
    bad = folder / "cat/1.png"
    body = enormous_png()
    smaller = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    head = b"IHDR" + smaller
    bad.write_bytes(body[:12] + head + struct.pack(">I", zlib.crc32(head)) + body[33:])
    refused(tmp_path, f"folder:{folder}", bad, f"of {side * side} pixels", "may be hostile", size=6)


def test_postscript_is_never_interpreted(tmp_path, folder):
    bad = folder / "cat/1.png"
    bad.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\nshowpage\n")
    refused(tmp_path, f"folder:{folder}", bad, "unreadable")


def test_an_image_of_16_bits_is_named(tmp_path, folder):
    bad = folder / "cat/1.png"
    bad.write_bytes(encode(X[0].astype(np.uint16) * 256))
    refused(tmp_path, f"folder:{folder}", bad, "more than 8 bits", "convert it first")


def test_mixed_sizes_name_the_first_two_files_that_differ(tmp_path, folder):
    (folder / "cat/3.png").write_bytes(encode(np.zeros((6, 9), np.uint8)))
    refused(tmp_path, f"folder:{folder}", folder / "cat/3.png", folder / "cat/1.png", "6 x 9", "6 x 6", "size=N")
    assert load(f"folder:{folder}", size=5, cache=tmp_path / "cache").shape == (1, 5, 5)


@pytest.mark.parametrize("size", [0, -3])
def test_a_size_below_one_is_refused(tmp_path, folder, size):
    refused(tmp_path, f"folder:{folder}", f"size {size}", "at least 1", size=size)


def test_a_folder_that_is_not_there_or_empty_or_without_classes(tmp_path, folder):
    refused(tmp_path, f"folder:{tmp_path / 'nowhere'}", "found nothing", "check the path")
    refused(tmp_path, f"folder:{folder / 'cat/1.png'}", "found a file", "one folder per class")
    (tmp_path / "empty").mkdir()
    refused(tmp_path, f"folder:{tmp_path / 'empty'}", "found no class folder", "one folder per class")
    refused(tmp_path, f"folder:{folder / 'cat'}", "6 images without class folders, such as 1.png", "train.csv")


def test_an_empty_class_folder_is_named(tmp_path, folder):
    (folder / "owl").mkdir()
    refused(tmp_path, f"folder:{folder}", folder / "owl", "found no image", "fill or remove")


def test_a_test_class_that_was_never_trained_on_is_named(tmp_path, folder):
    (tmp_path / "both").mkdir()
    folder.rename(tmp_path / "both/train")
    (tmp_path / "both/test/owl").mkdir(parents=True)
    (tmp_path / "both/test/owl/0.png").write_bytes(encode(X[0]))
    refused(tmp_path, f"folder:{tmp_path / 'both'}", "'owl'", "rename or remove it")


def test_a_single_class_is_refused(tmp_path, folder):
    for path in (folder / "cat").iterdir():
        path.unlink()
    (folder / "cat").rmdir()
    refused(tmp_path, f"folder:{folder}", "single class 'dog'", "at least two")


@pytest.mark.parametrize(
    ("arrays", "fragments"),
    [
        ({"x": X, "y": Y[:11]}, ("12 images", "11 labels")),
        ({"x": X / 255 + np.where(np.arange(12) == 5, np.nan, 0)[:, None, None], "y": Y}, ("x row 5", "NaN")),
        ({"x": X / 255 + np.where(np.arange(12) == 7, np.inf, 0)[:, None, None], "y": Y}, ("x row 7", "infinite")),
        ({"x": X * 2.0, "y": Y}, ("values from", "[0, 1]", "rescale")),
        ({"x": X / 16.0, "y": Y}, ("values from 0", "save x / ")),
        ({"x": X / 16.0 - 5, "y": Y}, ("values from -5", "x * deviation + mean")),
        ({"x": X.astype(int) - 3, "y": Y}, ("values from -", "0..255")),
        ({"x": X.astype(str), "y": Y}, ("values of type", "convert")),
        ({"x": X, "y": Y * 1.5}, ("y row 1", "label 1.5, expected whole numbers")),
        ({"x": X, "y": np.where(np.arange(12) == 4, -1, Y)}, ("y row 4", "label -1", "0 to")),
        ({"x": X, "y": np.where(np.arange(12) == 4, 10**12, Y)}, ("y row 4", "label 1000000000000")),
        ({"x": X, "y": Y + 1}, ("class '0' (label 0) has no training examples", "renumber")),
        ({"x": X, "y": Y * 0}, ("single class", "at least two")),
        ({"x": X, "y": np.eye(2)[Y] + 1}, ("y row 0", "labels are logits", "y.argmax(1)")),
        ({"x": X, "y": np.eye(2, dtype=int)[Y] + 1}, ("y row 0", "with 1 ones", "one label per image")),
        ({"x": X[0, 0], "y": Y[:6]}, ("shape (6,)", "(image, height, width)")),
        ({"x": X[..., None].repeat(5, -1), "y": Y}, ("shape (12, 6, 6, 5)", "1 or 3 channels")),
        ({"x": X[:0], "y": Y[:0]}, ("no images",)),
        ({"x": X}, ("found arrays x", "no labels to x", "rename")),
        ({"pixels": X, "kinds": Y}, ("found arrays pixels, kinds", "x and y", "rename")),
        ({"x": X, "y": Y, "x_test": X}, ("no labels to x_test", "without x_test")),
        ({"x": X, "y": Y, "y_val": Y}, ("no images to y_val", "without y_val")),
        ({"x": X, "X_train": X, "y": Y}, ("x and X_train may both be the images of train", "remove one")),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, ("y_test row 1", "label 2", "0 to 1")),
        ({"x": X, "y": Y, "x_test": X[:, :5], "y_test": Y}, ("x_test row 0", "5 x 6", "x row 0", "6 x 6")),
        ({"x": X[:3], "y": np.array([0, 0, 1])}, ("class '1' has 1 training examples", "at least 3")),
        ({"x": np.array([{}] * 12), "y": Y}, ("pickled objects, which are never loaded",)),
    ],
    ids=lambda value: " ".join(map(str, value))[:40] if isinstance(value, tuple) else "",
)
def test_unusable_arrays_are_refused_by_name_and_row(tmp_path, arrays, fragments):
    np.savez(tmp_path / "mine.npz", **arrays)
    refused(tmp_path, f"npz:{tmp_path / 'mine.npz'}", "mine.npz", *fragments)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x80\x04N.", b"plain text"])
def test_what_is_no_npz_is_refused_and_never_unpickled(tmp_path, content):
    (tmp_path / "mine.npz").write_bytes(content)
    refused(tmp_path, f"npz:{tmp_path / 'mine.npz'}", "mine.npz", "numpy.savez")


def test_a_single_npy_array_is_refused(tmp_path):
    with open(tmp_path / "mine.npz", "wb") as opened:
        np.save(opened, X)
    refused(tmp_path, f"npz:{tmp_path / 'mine.npz'}", "a single array", "numpy.savez")


def write_parquet(path: Path, images: list[bytes | None], labels: pyarrow.Array, names: tuple[str, str]) -> None:
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    rows = pyarrow.array([{"bytes": each, "path": None} for each in images], kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(dict(zip(names, (rows, labels), strict=True))), path)


PNGS = [encode(image) for image in X]
NAMES = ("image", "label")


@pytest.mark.parametrize(
    ("images", "labels", "names", "fragments"),
    [
        (PNGS[:7] + [PNGS[7][:40]] + PNGS[8:], pyarrow.array(Y), NAMES, ("row 7", "truncated image")),
        (PNGS[:3] + [None] + PNGS[4:], pyarrow.array(Y), NAMES, ("row 3", "no image bytes")),
        (PNGS, pyarrow.array([None if i == 5 else int(Y[i]) for i in range(12)]), NAMES, ("row 5", "no label")),
        (PNGS, pyarrow.array(Y * 1.5), NAMES, ("row 1", "label 1.5", "expected whole numbers")),
        (PNGS, pyarrow.array([{"a": 1}] * 12), NAMES, ("column label holds struct", "--label-column")),
        (PNGS, pyarrow.array(["cat", None] * 6), NAMES, ("row 1: no label",)),
        (PNGS, pyarrow.array(np.where(np.arange(12) == 8, -1, Y)), NAMES, ("row 8", "label -1")),
        (PNGS, pyarrow.array(Y), ("image", "kind"), ("found columns image", "--label-column NAME")),
        (PNGS[:1], pyarrow.array(Y[:1]), NAMES, ("single class",)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and value is not NAMES else "",
)
def test_unusable_parquet_rows_are_refused_by_file_and_row(tmp_path, images, labels, names, fragments):
    write_parquet(tmp_path / "mine/train.parquet", images, labels, names)
    refused(tmp_path, f"parquet:{tmp_path / 'mine'}", "train.parquet", *fragments)


def test_a_row_of_a_later_shard_is_counted_from_its_own_file(tmp_path):
    write_parquet(tmp_path / "mine/train-0.parquet", PNGS, pyarrow.array(Y), NAMES)
    write_parquet(tmp_path / "mine/train-1.parquet", [*PNGS[:2], b"broken"], pyarrow.array(Y[:3]), NAMES)
    refused(tmp_path, f"parquet:{tmp_path / 'mine'}", "train-1.parquet row 2")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"plain text of no table at all"])
def test_a_parquet_that_is_not_one(tmp_path, content):
    (tmp_path / "mine.parquet").write_bytes(content)
    refused(tmp_path, f"parquet:{tmp_path / 'mine.parquet'}", "mine.parquet", "not a parquet file")


def test_a_folder_without_parquet_files(tmp_path):
    refused(tmp_path, f"parquet:{tmp_path}", "found no .parquet file", "expected train*.parquet")
    refused(tmp_path, f"parquet:{tmp_path / 'nowhere'}", "found nothing", "check the path")


def test_a_root_that_is_not_there(tmp_path, monkeypatch):
    refused(tmp_path, "cifar10", f"root {tmp_path / 'nowhere'}", "no such folder", root=tmp_path / "nowhere")
    monkeypatch.setenv("LIMBECK_DATA", str(tmp_path / "away"))
    refused(tmp_path, "mnist", f"LIMBECK_DATA {tmp_path / 'away'}", "no such folder")
    monkeypatch.delenv("LIMBECK_DATA")
    refused(tmp_path, "mnist", "name one with --data-root (root= in Python), or set LIMBECK_DATA")


def test_a_missing_set_says_every_place_that_was_looked_in(tmp_path):
    refused(
        tmp_path,
        "cifar10",
        "cifar10: not found",
        f"{tmp_path / 'cifar10'} for train*.parquet and test*.parquet",
        f"{tmp_path / 'cifar-10-batches-bin'} for data_batch_1.bin",
        root=tmp_path,
    )


@pytest.mark.parametrize(
    ("name", "folder", "archive"),
    [
        ("cifar10", "cifar-10-batches-py", "cifar-10-binary.tar.gz"),
        ("cifar100", "cifar-100-python", "cifar-100-binary.tar.gz"),
    ],
)
def test_pickled_batches_are_never_loaded(tmp_path, name, folder, archive):
    (tmp_path / folder).mkdir()
    refused(tmp_path, name, folder, "never loaded", "binary version", archive, root=tmp_path)


def test_cut_binary_batches_are_named(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for index in range(1, 6):
        (folder / f"data_batch_{index}.bin").write_bytes(bytes([index]) * 3073)
    (folder / "test_batch.bin").write_bytes(bytes(3000))
    refused(tmp_path, "cifar10", "test_batch.bin", "3000 bytes", "multiple of 3073", root=tmp_path)
    (folder / "test_batch.bin").write_bytes(bytes([10]) * 3073)
    refused(tmp_path, "cifar10", "test_batch.bin row 0", "label 10", "0 to 9", root=tmp_path)


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "begins with nothing"),
        (bytes([0, 0, 13, 3]) + bytes(12), "begins with 00000d03"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"x", "train-images-idx3-ubyte"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 10, 4, 4) + bytes(159), "160 bytes"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 10, 4, 4) + bytes(161), "160 bytes"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 9, 4, 4) + bytes(144), "10 labels for the 9 images"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_damaged_idx_files_are_named(tmp_path, content, fragment, zipped):
    import gzip

    folder = tmp_path / "mnist"
    folder.mkdir()
    labels = bytes([0, 0, 8, 1]) + struct.pack(">I", 10) + bytes(range(10))
    end = ".gz" if zipped else ""
    for stem in ("train", "t10k"):
        for kind, body in (("images-idx3", content), ("labels-idx1", labels)):
            whole = gzip.compress(body) if zipped else body
            (folder / f"{stem}-{kind}-ubyte{end}").write_bytes(whole)
    refused(tmp_path, "mnist", fragment, "download", root=tmp_path)


def test_a_gzip_file_cut_short_is_named(tmp_path):
    import gzip

    folder = tmp_path / "mnist"
    folder.mkdir()
    for stem in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            body = gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 10, 4, 4) + bytes(160))
            (folder / f"{stem}-{kind}-ubyte.gz").write_bytes(body[:-12])
    refused(tmp_path, "mnist", "train-images-idx3-ubyte.gz", "unreadable", root=tmp_path)


@pytest.mark.parametrize("content", [b"", b"plain text", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_damaged_matlab_files_are_named(tmp_path, content):
    (tmp_path / "svhn").mkdir()
    for split in ("train", "test"):
        (tmp_path / f"svhn/{split}_32x32.mat").write_bytes(content)
    refused(tmp_path, "svhn", "train_32x32.mat", "download it again", root=tmp_path)


@pytest.mark.parametrize("line", ["val_9.JPEG\tn0\t0\t0\t1\t1", "../../x.JPEG\tn0", "val_0.JPEG\tn7", "garbage"])
def test_annotations_of_missing_files_foreign_paths_and_unknown_classes_are_named(tmp_path, line):
    root = tmp_path / "tiny-imagenet-200"
    (root / "val/images").mkdir(parents=True)
    (root / "val/images/val_0.JPEG").write_bytes(PNGS[0])
    for name in ("n0", "n1"):
        (root / f"train/{name}/images").mkdir(parents=True)
        (root / f"train/{name}/images/{name}_0.JPEG").write_bytes(PNGS[0])
    (root / "val/val_annotations.txt").write_text(f"val_0.JPEG\tn0\t0\n{line}\n")
    refused(tmp_path, "tiny_imagenet", "val_annotations.txt line 2", "unpack the archive again", root=tmp_path)


def test_a_form_that_names_nothing_is_refused(tmp_path):
    refused(tmp_path, "folder:", "names nothing", "folder:PATH")
    refused(tmp_path, "hf:", "names nothing", "hf:NAME")
    refused(tmp_path, "foldr:/somewhere", "unknown data", "choose from")
