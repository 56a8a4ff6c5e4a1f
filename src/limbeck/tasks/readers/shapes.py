"""What the levels of a folder are: splits, classes or domains; found where that is plain, else asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.tasks.readers.names import split_of
from limbeck.tasks.readers.tree import Folder

SPLIT, CLASS, DOMAIN = "split", "class", "domain"
"""What a level of folders may be. Domains are put together."""
Levels = tuple[str, ...]
_SHOWN = 4
_FLAT: Levels = ()


def levels_of(layout: str) -> Levels:
    """The levels that a layout names from the outside in; below the last all images of a folder are alike.

    >>> levels_of("class-split"), levels_of("split-domain-class")
    (('class', 'split'), ('split', 'domain', 'class'))
    """
    levels = tuple(layout.lower().split("-"))
    sound = all(level in (SPLIT, CLASS, DOMAIN) for level in levels)
    if not sound or levels.count(CLASS) != 1 or levels.count(SPLIT) > 1:
        raise InputError(
            f"layout {layout!r}: expected the levels of folders from the outside in, such as class, split-class, "
            "class-split, domain-class or split-domain-class"
        )
    return levels


def shape_of(root: Folder) -> Levels:
    """The levels of folders in `root`; none where there are only images, or splits that hold nothing else.

    Raises InputError where there are several readings, with the option that chooses each.
    """
    holding = root.holding
    splits = {each.name: split_of(each.name) for each in holding}
    named = {split for split in splits.values() if split is not None}
    if not holding:
        return _FLAT
    if "train" in named:
        train = next(each for each in holding if splits[each.name] == "train")
        strangers = [each for each in holding if splits[each.name] is None]
        if not train.holding:
            return (CLASS,) if strangers and len(named) == 1 else (SPLIT,)
        if strangers and named == {"train"}:
            raise _ambiguous(
                root.path,
                f"{_list([train])} holds folders, and so may {_list(strangers)}",
                {"split-class": f"{_list([train])} holds the classes", "class": "each of them is a class"},
            )
        return (SPLIT, *_inner(unwrapped(train), (SPLIT,)))
    if named:
        odd = [each for each in holding if splits[each.name] is not None]
        if len(odd) == len(holding):
            raise InputError(
                f"{root.path}: found {_list(odd)}, expected a folder train beside; rename the one with the training "
                "images, or, where they are classes, pass --layout class (layout='class' in Python)"
            )
        raise InputError(
            f"{root.path}: {_list(odd)} may be a split or a class; move the other classes into a folder train, or, "
            "where it is a class, pass --layout class (layout='class' in Python)"
        )
    return _inner(root, ())


def unwrapped(folder: Folder) -> Folder:
    """The folder that the only folder within is, and so on, down to one that holds images or several folders."""
    while not folder.images and len(folder.holding) == 1 and folder.holding[0].holding:
        folder = folder.holding[0]
    return folder


def _inner(node: Folder, before: Levels) -> Levels:
    """The levels below those that were found `before`, of which one must be classes."""
    classes = node.holding
    inside = {each.name: [one.name for one in each.holding] for each in classes}
    shared = [name for name, count in Counter(name for names in inside.values() for name in names).items() if count > 1]
    splits = sorted({name for names in inside.values() for name in names if split_of(name)})
    outside = "-".join((*before, ""))
    example = classes[0].name if classes else ""
    everything = {f"{outside}class": f"all images in {example} are of the class {example}"}
    if splits and not before:
        deeper = [one for each in classes for one in each.holding if split_of(one.name) and one.holding]
        domains = {"domain-split-class": f"{_list(classes)} are domains, and classes are within {_names(splits)}"}
        within = {"class-split": f"{_list(classes)} are classes, and {_names(splits)} their splits"}
        raise _ambiguous(
            node.path, f"{_list(classes)} hold {_names(splits)}", (domains if deeper else within) | everything
        )
    if len(shared) > 1:
        raise _ambiguous(
            node.path,
            f"{_list(classes)} hold the same folders {_names(shared)}",
            {f"{outside}domain-class": f"{_names(shared)} are the classes, and the others domains"} | everything,
        )
    return (CLASS,)


def nested(node: Folder) -> list[str]:
    """Names of folders within the class folders of `node` that differ, so that they may say more than the class."""
    names = {one.name for each in node.holding for one in each.holding}
    return sorted(names) if len(names) > 1 else []


def _ambiguous(path: Path, found: str, readings: dict[str, str]) -> InputError:
    said = ", or ".join(f"--layout {layout} where {reading}" for layout, reading in readings.items())
    return InputError(f"{path}: {found}, which can be read in two ways; pass {said} (layout= in Python)")


def _list(folders: Sequence[Folder]) -> str:
    return _names([each.name for each in folders])


def _names(names: Sequence[str]) -> str:
    return listed(names, _SHOWN)
