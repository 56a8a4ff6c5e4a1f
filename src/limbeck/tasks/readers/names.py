"""What the names of files, folders, columns and arrays say: which split, images or labels; and which are nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPLITS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "validating", "val", "dev"),
    "test": ("test", "testing", "tst"),
}
_WORDS = {word: split for split, words in _SPLITS.items() for word in words}
IMAGES = ("image", "images", "img", "imgs", "x", "data", "picture", "pictures", "photo", "photos", "jpg", "png")
"""What columns and arrays of images are called, the usual first."""
LABELS = (
    *("label", "labels", "fine_label", "fine_labels", "class", "classes", "target", "targets", "y", "category"),
    *("class_name", "classname", "class_id", "label_name", "categories"),
)
"""What columns and arrays of labels are called, the usual first."""
_FILLERS = frozenset(
    {"set", "data", "dataset", "seg", "split", "images", "image", "imgs", "img", "pics", "folder", "the"}
)
_UNSAID = frozenset({"unknown", "unlabeled", "unlabelled", "none", "all"})
_NOISE = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "lost+found", "@eadir"})


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters.

    >>> words_of("seg_train"), words_of("TrainSet 2"), words_of("testset"), words_of("XTrain")
    (['seg', 'train'], ['train', 'set', '2'], ['test', 'set'], ['x', 'train'])
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.findall(r"[^\W_]+", parted.lower())
    return [part for word in words for part in re.findall(r"^(?:train|test|val)(?=set$|data$)|.+", word) if part]


def split_of(name: str) -> str | None:
    """The split that a name speaks of, where it speaks of nothing else.

    >>> [split_of(name) for name in ("Training", "seg_test", "val2017", "train_set", "test1", "trains", "test bench")]
    ['train', 'test', 'validation', 'train', 'test', None, None]
    """
    words = [word.rstrip("0123456789") for word in words_of(name)]
    words = [word for word in words if word and word not in _FILLERS]
    return _WORDS.get(words[0]) if len(words) == 1 else None


def split_within(name: str) -> str | None:
    """The one split that a name speaks of among other things, as those of tables do.

    >>> split_within("train_labels"), split_within("trainLabels19"), split_within("labels"), split_within("train_val")
    ('train', 'train', None, None)
    """
    splits = {_WORDS[word] for word in words_of(name) if word in _WORDS}
    return splits.pop() if len(splits) == 1 else None


def says_no_class(name: str) -> bool:
    """Whether a folder's name tells that images are in it, and not which.

    >>> says_no_class("images"), says_no_class("test_imgs"), says_no_class("unknown"), says_no_class("cats")
    (True, True, True, False)
    """
    return all(word in _FILLERS | _UNSAID or word in _WORDS for word in words_of(name))


def hidden(name: str) -> bool:
    """Whether a file or folder is an operating system's or a tool's, and nobody's data.

    >>> [hidden(name) for name in (".ipynb_checkpoints", "__MACOSX", "._cat.png", "Thumbs.db", "cats")]
    [True, True, True, True, False]
    """
    return name.startswith(".") or name.lower() in _NOISE


def first_named(usual: Iterable[str], names: Iterable[str]) -> str | None:
    """The name among `names` that is the first of the usual ones, in any case.

    >>> first_named(("label", "class"), ["id", "Class"])
    'Class'
    """
    by_small = {name.lower().strip().replace(" ", "_").replace("-", "_"): name for name in names}
    return next((by_small[each] for each in usual if each in by_small), None)
