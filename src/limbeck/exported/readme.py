"""The README of an export: what is there, in which units, how to use it, and how it comes back."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.codecs import ImageCodec
from limbeck.core import tree
from limbeck.core.text import quoted
from limbeck.core.units import percent
from limbeck.distilled_set import DistilledSet
from limbeck.exported.contents import CODEC, INITIALISATION, NORMALISED, Contents
from limbeck.exported.eight_bits import ROUNDING
from limbeck.exported.written import Written
from limbeck.learn.rules import INNER_OPTIMIZERS


def readme(contents: Contents, written: Written, shortened: str, back: str) -> str:
    """The text of a README in Markdown; `shortened` as in `Known`, `back` is a command by which limbeck reads it."""
    facts = contents.facts
    title = f"{facts['items']:,} synthetic examples that stand for {facts['data']['name']}"
    labels = {
        "hard": "each of one class",
        "learned": "under soft labels that were learned",
        "teacher's": "under the soft labels of a teacher, a network that was trained on the real data",
        "soft": "under soft labels",
        "real": "under targets that are no classes",
    }
    cut = f" ({shortened})" if shortened else ""
    intro = (
        f"limbeck {facts['limbeck']} made them: {plain(facts['origin'] + cut)}; {labels[facts['labels']]}. "
        f"The set's digest is `{facts['set'][:12]}`."
    )
    sections = [
        ("What is here", _bullets([(f"`{each}`", text) for each, text in written.holds])),
        ("Use it without limbeck", f"Run this where this README lies:\n\n```python\n{written.use}\n```"),
        ("Units", units(contents)),
        ("How to train on it", training(contents)),
        *written.sections,
        *([("Good to know", _bullets([("Note", each) for each in contents.notes]))] if contents.notes else []),
        *([("Back into limbeck", _import(back))] if back else []),
        (
            "Classes",
            "```text\n" + "\n".join(f"{i}  {quoted(each)}" for i, each in enumerate(facts["classes"])) + "\n```",
        ),
    ]
    body = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections)
    return f"{written.front}# {plain(title)}\n\n{intro}\n\n{body}\n"


def meaning(contents: Contents, name: str) -> str:
    """What an array is, in words."""
    head = name.split("/", maxsplit=1)[0]
    codec = {CODEC: "a constant of the codec", INITIALISATION: "a parameter that training is to start from"}
    known = {
        "images": "the pixels: 0 is black and 1 white",
        "inputs": "the inputs in the units of the data",
        f"{contents.inputs}{NORMALISED}": "the same as a network sees them",
        "labels": "the class that each was made for, from 0",
        "soft_labels": "weights of the classes: what a learner is trained towards",
        "targets": "what a learner is trained towards",
        "mean": "that of each channel, to normalise by",
        "std": "the standard deviation of each channel, to normalise by",
        "zca_matrix": "what whitens",
        "zca_mean": "what is taken off before it whitens",
        "learning_rate": "the mean of `learning_rates`",
        "steps": "how many steps of training",
        "learning_rates": "that of each step",
        "order": "the items that each step sees, row by row; -1 is none",
        "rule": f"of the optimizer, {contents.facts['optimizer']}",
        **codec,
    }
    leaf = contents.arrays[name]
    return f"{tuple(leaf.shape)}, {str(leaf.dtype).removeprefix('torch.')}: {known.get(head, 'of the set')}"


def units(contents: Contents) -> str:
    """In which units the inputs are, and how to get from one to the other."""
    codec, inputs = contents.distilled.codec, contents.inputs
    if not isinstance(codec, ImageCodec):
        name = contents.facts["units"]["name"]
        if name == "identity":
            return "Raw: a network sees the data in their own units, so both forms of the inputs are the same."
        return (
            f"A network sees the inputs as limbeck's codec `{name}` encodes them. Its constants, if it has any, are "
            f"beside them under `{CODEC}/`; `DistilledSet.load(PATH).codec.decode` takes them back."
        )
    native = contents.arrays[inputs]
    outside = float(((native < -ROUNDING) | (native > 1 + ROUNDING)).double().mean())
    numbers = [", ".join(f"{value:.6g}" for value in each) for each in (codec.mean, codec.std)]
    pixels = (
        "**Pixels** are in [0, 1], 0 black and 1 white, as those of real images. Distilled ones may leave that range: "
        f"{percent(outside)} of them do."
    )
    if codec.zca is None and set(codec.mean) == {0.0} and set(codec.std) == {1.0}:
        return f"{pixels}\n\n**Raw**: networks see the pixels themselves; nothing is normalised."
    normal = (
        "**Normalised** numbers are what networks see: `normalised = (pixels - mean) / std` in each channel, with mean "
        f"{numbers[0]} and std {numbers[1]}. To invert it: `pixels = normalised * std + mean`."
    )
    if codec.zca is None:
        return f"{pixels}\n\n{normal}"
    whitened = (
        "**Whitened (ZCA)**: these are then whitened, `seen = (normalised.reshape(n, -1) - zca_mean) @ zca_matrix`, "
        "and networks see that. To invert it, in double precision: "
        "`normalised = numpy.linalg.solve(zca_matrix.T, seen.reshape(n, -1).T).T + zca_mean`."
    )
    return f"{pixels}\n\n{normal}\n\n{whitened}"


def sees_all(distilled: DistilledSet) -> bool:
    """Whether each step of training sees every item once."""
    order = distilled.schedule.order
    return len(order) == 1 and order[0].sort().values.tolist() == list(range(len(distilled)))


def training(contents: Contents) -> str:
    """How the set says that it is to be trained on."""
    schedule = contents.distilled.schedule
    low, high = (float(each) for each in (schedule.learning_rates.min(), schedule.learning_rates.max()))
    rate = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}, mean {float(schedule.learning_rates.mean()):.6g}"
    numbers = {name: float(value) for name, value in tree.flatten(schedule.rule).items()}
    optimizer = INNER_OPTIMIZERS[contents.facts["optimizer"]](**numbers).describe(rate)
    seen = "all items at each step" if sees_all(contents.distilled) else "at each step the items that `order` lists"
    start = "; it starts from the parameters under `initialisation/`" if contents.distilled.initialisation else ""
    return (
        f"The set says: {len(schedule.learning_rates):,} steps of {optimizer}; {seen}{start}. Other training may do as "
        "well or better: `limbeck evaluate` tells."
    )


def plain(text: str) -> str:
    r"""Text as Markdown shows it and does not obey it, on one line.

    >>> print(plain('a [red]\n<b>|*x*'))
    a \[red\] &lt;b&gt;\|\*x\*
    """
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{each}" if each in "\\[]|*#`_" else each for each in line)


def _bullets(pairs: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {text}" for name, text in pairs)


def _import(command: str) -> str:
    return (
        "Where limbeck is installed, this gives the set back (DATA is the data that it stands for):\n\n"
        f"```sh\n{command}\n```"
    )
