"""A folder and all that is below it, listed once: images, other files, and what is nobody's data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from limbeck.core.errors import InputError
from limbeck.tasks.readers.encoded import SUFFIXES
from limbeck.tasks.readers.names import hidden


@dataclass
class Folder:
    """One folder, without what is hidden."""

    path: Path
    folders: list[Folder] = field(default_factory=list)
    """In the order of their names."""
    images: list[Path] = field(default_factory=list)
    """Its own image files, in the order of their names."""
    others: list[Path] = field(default_factory=list)
    """Its own files that are not images."""
    hidden: list[Path] = field(default_factory=list)
    """Its own hidden images, and those in its hidden folders."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.name

    @property
    def holding(self) -> list[Folder]:
        """The folders with an image somewhere in them."""
        return [each for each in self.folders if each.holds]

    @property
    def holds(self) -> bool:
        """Whether there is an image somewhere in it."""
        return bool(self.images) or any(each.holds for each in self.folders)

    def below(self) -> Iterator[Folder]:
        """It and every folder in it."""
        yield self
        for each in self.folders:
            yield from each.below()

    def all_images(self) -> list[Path]:
        """Every image in it, in the order of their paths."""
        return sorted(path for each in self.below() for path in each.images)

    def all_others(self) -> list[Path]:
        """Every file in it that is not an image."""
        return [path for each in self.below() for path in each.others]

    def all_hidden(self) -> list[Path]:
        """Every image that is left out because it is hidden."""
        return [path for each in self.below() for path in each.hidden]


def grow(path: Path, above: frozenset[str] = frozenset()) -> Folder:
    """The folder at `path`. Links are followed, but never into a folder that they are in."""
    found = Folder(path)
    here = os.path.realpath(path)
    if here in above:
        return found
    try:
        # Whoever lists millions of files must not ask for the status of each.
        with os.scandir(path) as listed:
            children = sorted((each.name, each.is_dir()) for each in listed)
    except OSError as error:
        raise InputError(f"{path}: cannot be listed ({error.strerror}); check its permissions") from error
    for name, is_folder in children:
        child = path / name
        is_image = child.suffix.lower() in SUFFIXES
        if is_folder and hidden(name):
            inside = (Path(folder) / each for folder, _, names in os.walk(child) for each in names)
            found.hidden += sorted(each for each in inside if each.suffix.lower() in SUFFIXES)
        elif is_folder:
            found.folders.append(grow(child, above | {here}))
        elif hidden(name):
            found.hidden += [child] * is_image
        else:
            (found.images if is_image else found.others).append(child)
    return found
