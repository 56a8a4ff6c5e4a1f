"""Attributes from what an annotator says of each image: a command, or a function."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.probes.attributes.contract import AbstractAttributes, Attributes, joined, of_texts

PROMPTS = {"object": "describe the object", "background": "describe the background"}
"""What is asked of each image (Yang et al., ICML 2024, section 5.2)."""
PATIENCE = 300.0
"""Seconds that one answer may take."""

Ask = Callable[[Path, str], str]
"""ask(image file, prompt) -> the answer."""


@dataclass(frozen=True)
class Annotated(AbstractAttributes):
    """Words and phrases of what a command answers of each image: COMMAND IMAGE.png PROMPT, the answer on its output.

    The command is asked twice of each image, "describe the object" and "describe the background", one after the other
    and without a shell; what it answers is remembered by the image, the prompt and the command. Words and phrases that
    occur in between 2 and 50 % of the answers of a class are attributes of it.
    """

    command: tuple[str, ...] = ()
    """The command that answers COMMAND IMAGE.png PROMPT on standard output."""
    per_class: int = 100
    """How many evaluation examples of each class are shown to it, the first; 0 for all."""

    def __post_init__(self) -> None:
        at_least(self, 0, "per_class")

    def describe(self) -> str:
        """By the command."""
        return f"words of what {shlex.join(self.command)} says of {self.per_class or 'all'} examples per class"

    def check(self, context: ProbeContext) -> None:
        """Raise InputError where the command does not answer of the first image."""
        row = _shown(context, self.per_class)[:1]
        for prompt in PROMPTS.values():
            self._answers(context, row, prompt)

    def of(self, context: ProbeContext) -> Attributes:
        """The attributes of the evaluation examples that it is shown; InputError where it fails."""
        return _of_answers(context, self.per_class, lambda rows, prompt: self._answers(context, rows, prompt))

    def _answers(self, context: ProbeContext, rows: list[int], prompt: str) -> list[str]:
        return [self._answer(context, image, prompt) for image in _images(context, rows)]

    def _answer(self, context: ProbeContext, image: np.ndarray, prompt: str) -> str:
        address = {
            "name": "annotation",
            "image": hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest(),
            "prompt": prompt,
            "command": list(self.command),
        }
        found = context.problem.cache.remember(
            address, lambda: {"answer": _as_tensor(_asked(self._run, image, prompt))}
        )
        return bytes(found["answer"].tolist()).decode()

    def _run(self, image: Path, prompt: str) -> str:
        said = shlex.join(self.command)
        expected = f"expected an answer on standard output; try {said} IMAGE.png '{prompt}'"
        try:
            ran = subprocess.run(
                [*self.command, str(image), prompt], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = getattr(error, "strerror", None) or f"no answer in {PATIENCE:.0f} seconds"
            raise InputError(f"annotator {said}: {reason}; {expected}") from error
        answer = ran.stdout.decode(errors="replace").strip()
        if ran.returncode or not answer:
            complaint = (ran.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise InputError(f"annotator {said}: exit code {ran.returncode} ({complaint}); {expected}")
        return answer


@dataclass(frozen=True)
class Called(AbstractAttributes):
    """Words and phrases of what a Python function says of each image; nothing is remembered of it.

    It is asked ask(path of a PNG file, prompt) as a command is, in this process.
    """

    name: str
    """What stands for it where a finding is kept."""
    ask: Ask = field(compare=False, repr=False, metadata={"spec": False})
    per_class: int = 100

    def describe(self) -> str:
        """By the function."""
        return f"words of what {self.name} says of {self.per_class or 'all'} examples per class"

    def check(self, context: ProbeContext) -> None:
        """Raise InputError where its answer of the first image is no text."""
        self._answers(context, _shown(context, self.per_class)[:1], next(iter(PROMPTS.values())))

    def of(self, context: ProbeContext) -> Attributes:
        """The attributes of the evaluation examples that it is shown; InputError where an answer is no text."""
        return _of_answers(context, self.per_class, lambda rows, prompt: self._answers(context, rows, prompt))

    def _answers(self, context: ProbeContext, rows: list[int], prompt: str) -> list[str]:
        answers = [_asked(self.ask, image, prompt) for image in _images(context, rows)]
        for answer in answers:
            if not isinstance(answer, str):
                raise InputError(f"annotator {self.name}: answered {type(answer).__name__}; expected text")
        return answers


def _of_answers(context: ProbeContext, per_class: int, answers: Callable[[list[int], str], list[str]]) -> Attributes:
    rows = _shown(context, per_class)
    classes = context.examples.classes
    parts = []
    for prefix, prompt in PROMPTS.items():
        texts: list[str | None] = [None] * len(classes)
        for row, answer in zip(rows, answers(rows, prompt), strict=True):
            texts[row] = answer
        parts.append(of_texts(texts, classes, prefix))
    return joined(parts, len(classes))


def _shown(context: ProbeContext, per_class: int) -> list[int]:
    """The places of the examples that are shown to an annotator."""
    classes = context.examples.classes
    chosen = [(classes == label).nonzero()[:, 0] for label in classes.unique()]
    return torch.cat([rows[:per_class] if per_class else rows for rows in chosen]).tolist()


def _images(context: ProbeContext, rows: list[int]) -> Iterable[np.ndarray]:
    """Examples as 8-bit images (height, width, 3), one by one; InputError for what has no picture."""
    task = context.problem.task
    for row in context.rows[rows]:
        picture = task.codec.picture(tree.row(task.native(context.split, row[None]), 0))
        if picture is None:
            raise InputError(
                f"an annotator of {task.name}: its examples have no picture, expected images; leave the annotator out"
            )
        yield picture.numpy()


def _asked(ask: Callable[[Path, str], Any], image: np.ndarray, prompt: str) -> Any:
    """The answer of an image that lies in a temporary folder meanwhile."""
    from PIL import Image

    with TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.fromarray(image).save(path)
        return ask(path, prompt)


def _as_tensor(text: str) -> Tensor:
    return torch.tensor(list(text.encode()), dtype=torch.uint8)
