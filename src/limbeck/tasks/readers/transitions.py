"""Transitions in a NumPy archive, under the names that recordings for offline reinforcement learning have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from limbeck.core.errors import InputError
from limbeck.learn.transitions import Transitions
from limbeck.tasks.readers.source import Array

NEEDED = ("observations", "actions", "rewards", "terminals")
OPTIONAL = ("timeouts", "next_observations", "policy", "values")
_ASK = f"expected arrays {', '.join(NEEDED)} (optionally {', '.join(OPTIONAL)})"


def recorded(path: Path) -> bool:
    """Whether the archive at `path` has observations or actions, and so is of transitions; not where it is none."""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            return False
        with archive:
            return bool({"observations", "actions"} & set(archive.files))
    except Exception:  # the reader of images says what is wrong with it
        return False


def read(path: Path) -> Transitions:
    """The transitions of the archive at `path` (Fu et al., 2020: the layout of D4RL).

    Axes: observations (row, number), in the order of episodes; actions integers (row) or (row, 1), which are choices,
    or numbers (row) or (row, output); rewards, terminals and timeouts (row), the last two true where an episode is
    over for good or cut off. next_observations are as observations; without them, they are the next row of the
    episode. policy is what an expert would do at each observation: as actions, or weights (row, output) of choices.
    values (row) are what it would then gather. Raises InputError, in one line, for anything else.
    """
    arrays = _arrays(path)
    observations = _table(path, "observations", arrays["observations"])
    count = len(observations)
    for name, array in arrays.items():
        if not array.ndim or len(array) != count:
            raise InputError(
                f"{path}: observations has {count} rows and {name} {len(array) if array.ndim else 'none'}, expected as "
                "many; check how they were saved"
            )
        if array.dtype.kind not in "biuf":
            raise InputError(f"{path}: {name} is of type {array.dtype}, expected numbers; save it again as such")
        bad = 0 if array.dtype.kind != "f" else int((~np.isfinite(array)).reshape(count, -1).any(1).sum())
        if bad:
            raise InputError(f"{path}: {name} has NaN or infinite numbers in {bad} rows, expected none; remove those")
    discrete, actions = _actions(path, arrays["actions"])
    over, cut = (_flags(path, name, arrays.get(name, np.zeros(count))) for name in ("terminals", "timeouts"))
    last = over | cut
    last[-1] = True
    after, followed = np.roll(observations, -1, 0), ~last | over
    if "next_observations" in arrays:
        after, followed = _table(path, "next_observations", arrays["next_observations"]), np.ones(count, dtype=bool)
        if after.shape != observations.shape:
            raise InputError(
                f"{path}: next_observations has shape {after.shape}, expected that of observations, "
                f"{observations.shape}; save it again"
            )
    policy = _policy(path, arrays["policy"], actions, discrete) if "policy" in arrays else None
    return Transitions(
        torch.from_numpy(observations),
        torch.from_numpy(actions),
        torch.from_numpy(_column(path, "rewards", arrays["rewards"])),
        torch.from_numpy(np.ascontiguousarray(after)),
        torch.from_numpy(followed),
        torch.from_numpy(over),
        torch.from_numpy(last),
        discrete,
        None if policy is None else torch.from_numpy(policy),
        torch.from_numpy(_column(path, "values", arrays["values"])) if "values" in arrays else None,
    )


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays that are known, read without unpickling anything."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in NEEDED if name not in archive.files]
            if missing:
                raise InputError(
                    f"{path}: found arrays {', '.join(archive.files)} and no {', '.join(missing)}; {_ASK}; add them"
                )
            return {name: archive[name] for name in (*NEEDED, *OPTIONAL) if name in archive.files}
    except InputError:
        raise
    except Exception as error:  # hostile bytes may make a reader of archives fail in any way
        pickled = "allow_pickle" in str(error) or "pickled" in str(error)
        reason = "pickled objects, which are never loaded" if pickled else "damaged, or not a .npz archive"
        raise InputError(f"{path}: {reason}; {_ASK} of numbers; save it again with numpy.savez") from error


def _table(path: Path, name: str, array: Array) -> Array:
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(
            f"{path}: {name} has shape {array.shape}, expected (row, number), a row for each step; reshape it"
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def _column(path: Path, name: str, array: Array) -> Array:
    if array.shape not in ((len(array),), (len(array), 1)):
        raise InputError(f"{path}: {name} has shape {array.shape}, expected (row); reshape it")
    return np.ascontiguousarray(array.reshape(-1), dtype=np.float32)


def _flags(path: Path, name: str, array: Array) -> Array:
    found = _column(path, name, array)
    if not np.isin(found, (0, 1)).all():
        raise InputError(f"{path}: {name} has numbers other than 0 and 1, expected whether an episode ends; correct it")
    return found.astype(bool)


def _actions(path: Path, array: Array) -> tuple[bool, Array]:
    """Whether actions are choices, and each as weights over all of them or as numbers."""
    if array.dtype.kind == "f":
        return False, _table(path, "actions", array[:, None] if array.ndim == 1 else array)
    choices = _choices(path, "actions", array)
    return True, np.eye(int(choices.max()) + 1, dtype=np.float32)[choices]


def _choices(path: Path, name: str, array: Array) -> Array:
    if array.shape not in ((len(array),), (len(array), 1)):
        raise InputError(
            f"{path}: {name} are integers of shape {array.shape}, expected one choice a row, or numbers with a point; "
            "save them as such"
        )
    choices = array.reshape(-1).astype(np.int64)
    if choices.min() < 0 or choices.max() >= 1000:
        raise InputError(
            f"{path}: {name} go from {choices.min()} to {choices.max()}, expected choices 0, 1, ... below 1000; "
            "number them so, or save them with a point where they are no choices"
        )
    return choices


def _policy(path: Path, array: Array, actions: Array, discrete: bool) -> Array:
    """What an expert would do, as `actions`."""
    if discrete and array.dtype.kind != "f":
        choices = _choices(path, "policy", array)
        if choices.max() < actions.shape[1]:
            return np.eye(actions.shape[1], dtype=np.float32)[choices]
    elif array.shape == actions.shape or (array.ndim == 1 and actions.shape[1] == 1):
        return _table(path, "policy", array.reshape(actions.shape))
    raise InputError(
        f"{path}: policy has shape {array.shape}, expected what an expert would do at each observation, as actions"
        f"{f', or weights {actions.shape} of them' if discrete else f', {actions.shape}'}; save it again"
    )
