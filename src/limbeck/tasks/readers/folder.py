"""A folder of images: a folder per class, splits of those, or images whose classes a table or their names say."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.tasks.readers.encoded import SUFFIXES, Encoded, colour_of, paths_of
from limbeck.tasks.readers.flat import Flat, read_split, read_whole, refuse, tables_in
from limbeck.tasks.readers.labels import class_name, ordered, readable
from limbeck.tasks.readers.names import says_no_class, split_of
from limbeck.tasks.readers.shapes import CLASS, SPLIT, Levels, levels_of, nested, shape_of, unwrapped
from limbeck.tasks.readers.source import AS_IT_LOOKS, SPLITS, Part, Reading, Source
from limbeck.tasks.readers.tables import names_of
from limbeck.tasks.readers.tree import Folder, grow

_ASK = "expected one folder per class with images in it"
_SHOWN = 4
_PHOTOS = frozenset({".heic", ".heif", ".avif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"})
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


@dataclass
class _Found:
    """What is found on the way."""

    splits: dict[str, dict[Path, str]] = field(default_factory=dict)
    """By split, the class of each image, one class after the other."""
    places: dict[str, Path] = field(default_factory=dict)
    """The folder of each split."""
    notes: list[str] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    """The tables that were read."""
    aside: set[Path] = field(default_factory=set)
    """Images that were left out and noted."""

    def take(self, flat: Flat, place: Path) -> None:
        """Take in what tables or names say."""
        self.splits |= flat.splits
        self.places |= dict.fromkeys(flat.splits, place)
        self.notes += flat.notes
        self.tables += flat.tables
        self.aside.update(flat.aside)


def find(path: Path, reading: Reading = AS_IT_LOOKS) -> Source:
    """The images below `path`; InputError where there are none, a class has none, or there are several readings."""
    if not path.is_dir():
        what = "a file" if path.exists() else "nothing"
        packed = path.is_file() and path.suffix.lower() in _ARCHIVES
        raise InputError(
            f"{path}: found {what}, {_ASK}; {'unpack it and name its folder' if packed else 'check the path'}"
        )
    colour_of(reading.background)
    tree = grow(path)
    found = _Found()
    if reading.layout:
        _walk(tree, levels_of(reading.layout), "train", found)
    else:
        root = unwrapped(tree)
        if root is not tree:
            found.notes.append(f"read below {_below(root, tree)}, the only folder with images")
        _find_out(root, tree, reading.label_column, found)
    if reading.label_column and not found.tables:
        raise InputError(
            f"{path}: label column {reading.label_column!r}: no table is read, as folders say the classes; leave it out"
        )
    if "train" not in found.splits:
        there = f"the splits {', '.join(found.splits)} and no train" if found.splits else "no class folder"
        other = next((each for each in tree.all_others() if each.suffix in (".parquet", ".npz")), None)
        meant = "" if other is None else f"{other.suffix[1:]}:{path if other.suffix == '.parquet' else other}"
        advice = f"did you mean {meant}?" if meant else "sort the images into one folder per class"
        raise InputError(f"{path}: found {there}, {_ASK}; {advice}")
    return _source(tree, found, reading)


def _find_out(root: Folder, tree: Folder, label_column: str, found: _Found) -> None:
    """Read what lies in `root` as it looks."""
    levels = shape_of(root)
    if not levels or (levels == (CLASS,) and len(root.holding) == 1):
        inside = root.holding[0] if levels else root
        tables = tables_in(tree, root, inside)
        flat = read_whole(inside, tables, label_column) if inside.holds else Flat()
        if flat.splits or (not levels and inside.images):
            if "train" not in flat.splits:
                raise refuse(inside, tables)
            found.take(flat, inside.path)
            return
    if levels[:1] != (SPLIT,):
        _walk(root, levels or (CLASS,), "train", found)
        return
    splits = _split_folders(root)
    names = names_of(tree.all_images())
    for split, folder in splits.items():
        known = set(found.splits.get("train", {}).values())
        node = folder if any(class_name(each.name) in known for each in folder.holding) else unwrapped(folder)
        if len(levels) == 1 or (split != "train" and _is_flat(node, known)):
            tables = tables_in(tree, root, folder, node, *node.holding[:1])
            flat = read_split(split, node, tables, label_column, names)
            if split == "train" and not flat.splits:
                raise refuse(node, tables, _list([each.name for each in root.holding]))
            found.take(flat, folder.path)
        else:
            _walk(node, levels[1:], split, found)
            found.places[split] = folder.path
    aside = [each for each in root.holding if each not in splits.values()]
    if aside:
        found.notes.append(f"left out folders that are no split: {_list([each.name for each in aside])}")
        found.aside.update(path for each in aside for path in each.all_images())


def _is_flat(node: Folder, known: set[str]) -> bool:
    """Whether the images of a split lie in no class folders."""
    names = {class_name(each.name) for each in node.holding}
    return not names or (len(names) == 1 and not names & known and says_no_class(node.holding[0].name))


def _split_folders(root: Folder) -> dict[str, Folder]:
    """The folder of each split, that of training first; InputError where two claim one."""
    by_split: dict[str, list[Folder]] = {}
    for each in root.holding:
        by_split.setdefault(split_of(each.name) or "", []).append(each)
    for split, folders in by_split.items():
        if split and len(folders) > 1:
            raise InputError(
                f"{root.path}: {folders[0].name} and {folders[1].name} are both there, expected one {split} folder; "
                "remove one"
            )
    return {split: by_split[split][0] for split in SPLITS if split in by_split}


def _walk(node: Folder, levels: Levels, split: str, found: _Found, name: str = "") -> None:
    """Add the images below `node`, whose `levels` are known; `name` is the class, once that is known."""
    if not levels:
        found.splits.setdefault(split, {}).update(dict.fromkeys(node.all_images(), name))
        return
    level, rest = levels[0], levels[1:]
    if level == CLASS:
        found.places.setdefault(split, node.path)
        _note_nested(node, rest, found)
    for child in node.folders:
        if level == CLASS and not child.holds:
            there = f"{_kinds(child.all_others())} and no image" if child.all_others() else "no image"
            raise InputError(
                f"{child.path}: found {there} ({', '.join(sorted(SUFFIXES))}), {_ASK}; fill or remove the class folder"
            )
        if level == SPLIT:
            of = split_of(child.name)
            if of is None:
                found.notes.append(f"left out a folder that is no split: {readable(child.name)}")
                found.aside.update(child.all_images())
            else:
                _walk(child, rest, of, found, name)
        else:
            _walk(child, rest, split, found, class_name(child.name) if level == CLASS else name)


def _note_nested(node: Folder, rest: Levels, found: _Found) -> None:
    inside = [] if rest else nested(node)
    if inside:
        found.notes.append(f"folders within a class folder are of that class: {_list(inside)}")


def _source(tree: Folder, found: _Found, reading: Reading) -> Source:
    train = found.splits["train"]
    names = set(train.values())
    classes = ordered(tuple(names)) if found.tables else tuple(sorted(names))
    labels = {split: _aligned(split, by_image, classes, found) for split, by_image in found.splits.items()}
    notes = (*found.notes, *_left_out(tree, found))
    splits = {split: list(found.splits[split]) for split in SPLITS if split in found.splits}
    position = {name: index for index, name in enumerate(classes)}
    files = tuple(file for paths in splits.values() for file in paths)

    def read() -> tuple[Part, ...]:
        return tuple(
            Part(
                split,
                Encoded(paths, paths_of(paths), reading),
                np.array([position[labels[split][path]] for path in paths], dtype=np.int64),
                classes,
                paths_of(paths),
            )
            for split, paths in splits.items()
        )

    return Source((*files, *found.tables), read, notes)


def _aligned(split: str, by_image: dict[Path, str], classes: tuple[str, ...], found: _Found) -> dict[Path, str]:
    """The class of each image by the names of the training classes; numbers may stand for their positions."""
    strangers = sorted(set(by_image.values()) - set(classes))
    if not strangers:
        return by_image
    numbers = {name: int(name) for name in set(by_image.values()) if name.isascii() and name.isdigit()}
    if len(numbers) == len(set(by_image.values())) and not any(name.isdigit() for name in classes):
        if 0 in numbers.values() and max(numbers.values()) < len(classes):
            found.notes.append(f"the numbers of {split} are read as positions among the classes in order, from 0")
            return {path: classes[numbers[name]] for path, name in by_image.items()}
        raise InputError(
            f"{found.places[split]}: its classes are numbers from {min(numbers.values())} to {max(numbers.values())}, "
            f"and those of training {_list(classes)}; expected these names, or positions from 0 to {len(classes) - 1}; "
            "change the table"
        )
    near = difflib.get_close_matches(strangers[0], classes, n=1, cutoff=0.6)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    raise InputError(
        f"{found.places[split]}: class {strangers[0]!r} is not in {found.places['train']}{meant}, "
        "expected the classes of the training examples; rename or remove it"
    )


def _left_out(tree: Folder, found: _Found) -> list[str]:
    """What below the folder was left out, so that nothing is ignored in silence."""
    notes = []
    others = [path for path in tree.all_others() if path not in found.tables]
    if others:
        example = readable(str(others[0].relative_to(tree.path)))
        photos = sorted({path.suffix.lower() for path in others} & _PHOTOS)
        advice = f"; {', '.join(photos)} are photos: convert them to JPEG or PNG to have them read" if photos else ""
        what = "a file that is no image" if len(others) == 1 else f"{len(others)} files that are no images"
        notes.append(f"left out {what} that can be read ({_kinds(others)}), such as {example}{advice}")
    used = found.aside.union(*found.splits.values())
    stray = [path for path in tree.all_images() if path not in used]
    if stray:
        example = readable(str(stray[0].relative_to(tree.path)))
        notes.append(f"left out {_images(len(stray))} outside the class folders, such as {example}")
    hidden = tree.all_hidden()
    if hidden:
        example = readable(str(hidden[0].relative_to(tree.path)))
        notes.append(f"left out {_images(len(hidden))} in hidden places, such as {example}")
    return notes


def _kinds(files: Sequence[Path]) -> str:
    """How many files have which ending, the most first."""
    kinds = Counter(path.suffix.lower() or "without ending" for path in files).most_common(_SHOWN)
    return ", ".join(f"{count} {kind}" for kind, count in kinds)


def _images(count: int) -> str:
    return f"{count} image{'s' * (count != 1)}"


def _below(node: Folder, above: Folder) -> str:
    return readable(str(node.path.relative_to(above.path)))


def _list(names: Sequence[str]) -> str:
    return readable(listed(names, _SHOWN))
