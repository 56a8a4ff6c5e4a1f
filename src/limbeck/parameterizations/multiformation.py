"""Images stored small, several on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core import tree
from limbeck.core.batch import holders
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.pictured import MOST, first_items, named
from limbeck.core.placing import onto
from limbeck.parameterizations.images import images_of
from limbeck.parameterizations.pixels import labelled, labels_of


@dataclass(frozen=True)
class Multiformation(AbstractParameterization):
    """Pages of factor x factor tiles, each of which is an item when it is enlarged (Kim et al., IDC, ICML 2022).

    What is learned are the pages (page, channel, height, width), group "inputs": as large as an image, and of one class
    each. A tile is of the side ceil(height / factor) and enlarged bilinearly; where the sides are no multiples of the
    factor, the last tiles are cut, and end in the mean of the data. The start is shrunk by means over areas.
    """

    factor: int = 2
    """Tiles along the width of a page."""
    rows: int = 0
    """Tiles along its height; 0: as many. 1 keeps the pitches of sounds as they are, whose time is the width."""

    def __post_init__(self) -> None:
        at_least(self, 1, "factor")
        at_least(self, 0, "rows")

    @property
    def grid(self) -> tuple[int, int]:
        """Tiles along the height and along the width."""
        return self.rows or self.factor, self.factor

    @property
    def tiles(self) -> int:
        """Tiles of a page."""
        return self.grid[0] * self.grid[1]

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the pages."""
        return super().cost(task, -(-per_class // self.tiles))

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Pages of the start, shrunk; InputError for what is no image."""
        images = images_of(start, self)
        height, width = images.shape[2:]
        sides = -(-height // self.grid[0]), -(-width // self.grid[1])
        small = images if self.tiles == 1 else nn.functional.interpolate(images, sides, mode="bilinear", antialias=True)
        pages, tiles = holders(start.classes, self.tiles)
        laid = small.new_zeros(int(pages.max()) + 1, self.tiles, *small.shape[1:])
        laid[onto(pages, small.device), onto(tiles, small.device)] = small
        rows = laid.unflatten(1, self.grid).permute(0, 3, 1, 4, 2, 5)
        whole = rows.reshape(len(laid), small.shape[1], self.grid[0] * sides[0], self.grid[1] * sides[1])
        return Parameters({"inputs": whole[:, :, :height, :width].detach().clone()}, labels_of(start))

    def render(self, params: Parameters, key: Key) -> Batch:
        """The tiles, enlarged to the size of a page."""
        fixed, pages = tree.widen(params.fixed), params.learned["inputs"]
        place, tile = holders(fixed["classes"], self.tiles)
        return labelled(self._tiles(pages)[onto(place, pages.device), onto(tile, pages.device)], fixed)

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The first page of every class, and the items that the first of them is cut into."""
        fixed, pages = tree.widen(params.fixed), params.learned["inputs"]
        place, tile = holders(fixed["classes"], self.tiles)
        items = first_items(fixed["classes"])
        cut = (place == place[items[0]]).nonzero()[:MOST, 0].tolist()
        tiles = self._tiles(pages)[onto(place[cut], pages.device), onto(tile[cut], pages.device)]
        return (
            Pictured(
                "pages",
                f"{len(pages)} pages of {self.grid[0]} x {self.grid[1]} tiles, each of which is an item when enlarged",
                pages[onto(place[items], pages.device)],
                tuple(classes[int(fixed["classes"][item])] for item in items),
                as_items=True,
            ),
            Pictured(
                "cut from the first page",
                "its tiles, enlarged: what learners are trained on",
                tiles,
                named(cut, fixed["classes"], classes),
                as_items=True,
            ),
        )

    def _tiles(
        self, pages: Float[Tensor, "page channel height width"]
    ) -> Float[Tensor, "page tile channel height width"]:
        """Every tile of every page, enlarged."""
        size = pages.shape[2:]
        if self.tiles == 1:
            return pages[:, None]
        sides = [-(-side // count) for side, count in zip(size, self.grid, strict=True)]
        missing = [count * side - whole for count, side, whole in zip(self.grid, sides, size, strict=True)]
        padded = nn.functional.pad(pages, (0, missing[1], 0, missing[0]))
        rows = padded.unflatten(3, (self.grid[1], sides[1])).unflatten(2, (self.grid[0], sides[0]))
        tiles = rows.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
        return nn.functional.interpolate(tiles, size, mode="bilinear").unflatten(0, (len(pages), self.tiles))
