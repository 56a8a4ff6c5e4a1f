"""All nodes of a small graph in one picture: those that are joined or alike lie near, and colours are classes."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from limbeck.core.text import shown

WIDTH, HEIGHT, LEGEND, MARGIN = 1040, 680, 250, 34
"""Of the picture, the legend at its right and the rim, in pixels."""
FINER = 3
"""How many times as large it is drawn before it is brought to its size, so that lines are smooth."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#a5aa99", "#4b4b4b", "#b8a100")
"""Told apart by most eyes (after Okabe & Ito, 2008)."""
STRONGEST = 3
"""Edges of each node that are drawn: an edge is where it is among the strongest of either end."""
ALIKE = 3
"""How many of the nodes most alike in features draw a node near, as edges do but weaker."""
WEAK = 0.3
STEPS = 400
LETTERS = 26
"""Of a class's name at most."""


def strongest(edges: Float[Tensor, "node node"], most: int = STRONGEST) -> Float[Tensor, "node node"]:
    """The weights of edges that are among the `most` strongest of either end, 0 elsewhere.

    >>> strongest(torch.tensor([[0.0, 2.0, 1.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), 1).tolist()
    [[0.0, 2.0, 1.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    held = ((edges + edges.T) / 2).clamp(min=0).fill_diagonal_(0)
    chosen = torch.zeros_like(held, dtype=torch.bool)
    chosen.scatter_(1, held.argsort(dim=1, descending=True, stable=True)[:, :most], True)
    return torch.where(chosen | chosen.T, held, 0)


def layout(
    edges: Float[Tensor, "node node"], features: Float[Tensor, "node number"], classes: Int[Tensor, " node"]
) -> Float[np.ndarray, "node 2"]:
    """Where nodes lie, in [0, 1] x [0, 1]: the same for the same graph.

    Nodes push one another away; edges, and weaker ones to the nodes most alike in features, pull (Fruchterman &
    Reingold, 1991). They begin on a spiral, class by class.
    """
    count = len(classes)
    order = np.argsort(classes.numpy(), kind="stable").argsort(kind="stable")
    angles = 2 * math.pi * (order + 0.5) / count
    places = np.stack([np.cos(angles), np.sin(angles)], 1) * (0.35 + 0.1 * ((order % 3) - 1))[:, None]
    unit = torch.nn.functional.normalize(features.double(), dim=1)
    alike = strongest((unit @ unit.T).clamp(min=0), ALIKE)
    pulls = (strongest(edges.double()) / edges.max().clamp(min=1e-12) + WEAK * alike).numpy()
    distance = 0.9 / math.sqrt(count)
    for step in range(STEPS):
        between = places[:, None] - places[None]
        lengths = np.maximum(np.linalg.norm(between, axis=2), 1e-4)
        forces = (distance**2 / lengths**2 - pulls * lengths / distance)[:, :, None] * between
        moved = forces.sum(1) - 0.8 * places
        size = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        places = places + moved / size * np.minimum(size, 0.1 * (1 - step / STEPS) + 1e-3)
    low, high = places.min(0), places.max(0)
    return (places - low) / np.maximum(high - low, 1e-9) if count > 1 else np.full((1, 2), 0.5)


def drawn(
    edges: Float[Tensor, "node node"],
    features: Float[Tensor, "node number"],
    classes: Int[Tensor, " node"],
    names: Sequence[str],
) -> UInt8[Tensor, "height width 3"]:
    """The picture: nodes in the colours of their classes, the strongest edges, and a legend of names."""
    from PIL import Image, ImageDraw

    held, at = strongest(edges), layout(edges, features, classes)
    room = np.array([WIDTH - LEGEND - 2 * MARGIN, HEIGHT - 3 * MARGIN])
    points = (MARGIN + at * room) * FINER
    picture = Image.new("RGB", (WIDTH * FINER, HEIGHT * FINER), "white")
    pen = ImageDraw.Draw(picture)
    colours = [_colour(label) for label in range(len(names))]
    largest = float(held.max()) or 1.0
    pairs = held.triu(1).nonzero().tolist()
    for left, right in sorted(pairs, key=lambda pair: float(held[pair[0], pair[1]])):
        share = float(held[left, right]) / largest
        same = classes[left] == classes[right]
        ink = _mixed(colours[int(classes[left])] if same else "#6b6b6b", 0.25 + 0.4 * share)
        line = (*points[left].tolist(), *points[right].tolist())
        pen.line(line, fill=ink, width=round((0.7 + 1.3 * share) * FINER))
    radius = max(4.5, min(10.0, 60 / math.sqrt(len(classes)))) * FINER
    for point, label in zip(points.tolist(), classes.tolist(), strict=True):
        _dot(pen, point, radius, colours[label])
    picture = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    _legend(picture, classes, names, colours, len(pairs), int((edges.triu(1) > 0).sum()))
    return torch.from_numpy(np.array(picture))


def _legend(
    picture: Any, classes: Tensor, names: Sequence[str], colours: Sequence[str], shown_edges: int, edges: int
) -> None:
    """The names of the classes beside their colours, how many nodes each has, and what is drawn."""
    from PIL import Image, ImageDraw, ImageFont

    counts = classes.bincount(minlength=len(names)).tolist()
    size = max(9, min(15, (HEIGHT - 3 * MARGIN) // max(1, len(names)) - 8))
    font, small = ImageFont.load_default(size=size), ImageFont.load_default(size=13)
    pen = ImageDraw.Draw(picture)
    across, gap = WIDTH - LEGEND + 8, size + 12
    for label, name in enumerate(names):
        middle = MARGIN + 8 + label * gap
        if middle > HEIGHT - 2 * MARGIN:
            pen.text((across, middle), f"and {len(names) - label} more", fill="#555555", font=small, anchor="lm")
            break
        dot = Image.new("RGB", (size * FINER, size * FINER), "white")
        middle_of = size * FINER / 2
        _dot(ImageDraw.Draw(dot), [middle_of, middle_of], middle_of - FINER, colours[label])
        picture.paste(dot.resize((size, size), Image.Resampling.LANCZOS), (across, middle - size // 2))
        pen.text(
            (across + size + 8, middle), f"{_said(name)} ({counts[label]})", fill="#222222", font=font, anchor="lm"
        )
    what = f"{len(classes)} nodes, " + (f"{edges} edges" if edges else "no edges: near each other where alike")
    what += f", the strongest {shown_edges} drawn" if shown_edges < edges else ""
    pen.text((MARGIN, HEIGHT - MARGIN), what, fill="#555555", font=small, anchor="lm")


def _dot(pen: Any, middle: Sequence[float], radius: float, colour: str) -> None:
    x, y = middle
    rim = radius + 1.5 * FINER
    pen.ellipse((x - rim, y - rim, x + rim, y + rim), fill="white")
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _colour(label: int) -> str:
    """The colour of a class; beyond those that are chosen, hues a golden angle apart."""
    if label < len(COLOURS):
        return COLOURS[label]
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.65, 0.75)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _mixed(colour: str, share: float) -> str:
    """A colour on white, of which it covers a share."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in parts)


def _said(name: str) -> str:
    """A name in letters that Pillow's own font has, and not too long."""
    text = shown(name).encode("latin-1", "backslashreplace").decode("latin-1")
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 3]}..."
