"""Studies: tables and figures as grids over runs, and the claims about them, as typed objects."""

from __future__ import annotations

import builtins
from typing import Any, Literal

from pydantic import Field

from elemflow.core.declared import Declared

OneOrMany = str | tuple[str, ...]
RunKey = Literal["dataset", "property", "representation", "model", "protocol"]


class Selector(Declared):
    """Run keys of the cells that a claim is about; several values match any of them."""

    dataset: OneOrMany | None = None
    property: OneOrMany | None = None
    representation: OneOrMany | None = None
    model: OneOrMany | None = None
    protocol: OneOrMany | None = None

    @builtins.property  # a field has the plain name
    def values(self) -> dict[str, tuple[str, ...]]:
        """Allowed values of each run key that is given."""
        given = {key: getattr(self, key) for key in self.model_fields_set}
        return {key: (value,) if isinstance(value, str) else value for key, value in given.items() if value}


class Cell(Declared):
    """Keys of one cell, or those that all cells of a row, a column, an item or a study share.

    Attributes:
        variations: Changes to the protocol by dotted key; a list stands for one cell each.
        listed: Models whose results the paper lists and which are not computed here.
        missing: Why there are no data; the cell has no run.
    """

    label: str | None = None
    dataset: OneOrMany | None = None
    property: OneOrMany | None = None
    representation: OneOrMany | None = None
    model: OneOrMany | None = None
    protocol: OneOrMany | None = None
    variations: dict[str, Any] = Field(default_factory=dict, alias="with")
    listed: OneOrMany | None = None
    published_table: str | None = None
    published_study: str | None = None
    published_model: OneOrMany | None = None
    published_dataset: str | None = None
    published_size: int | None = None
    published_row: str | None = None
    level: int | None = None
    quantity: str | None = None
    missing: str | None = None


class Row(Cell):
    """A row of a table or figure, with the keys that differ from cell to cell."""

    cells: tuple[Cell, ...] | None = None


class Item(Declared):
    """A table or figure: rows crossed with columns."""

    title: str
    kind: str
    metric: str = "mae"
    note: str = ""
    published_table: str | None = None
    defaults: Cell = Cell()
    rows: tuple[Row, ...]
    columns: tuple[Cell, ...]


class Claim(Declared):
    """A claim of a paper; which keys it has besides those of every claim depends on its kind."""

    text: str
    source: str = ""
    note: str = ""
    printed: bool = True
    missing: str | None = None
    kind: str | None = None
    tables: tuple[str, ...] = ()
    where: Selector = Selector()
    a: Selector | None = None
    b: Selector | None = None
    order: tuple[Selector, ...] | None = None
    direction: Literal["rising", "falling"] | None = None
    over: tuple[RunKey, ...] | None = None
    percent: float | None = None
    level: float = 0.05
    at_least: int | None = None


class Study(Declared):
    """Tables, figures and claims of one paper or question."""

    title: str
    reference: str = ""
    citation: tuple[str, ...] = ()
    model_selection: str = ""
    claims: dict[str, Claim] = Field(default_factory=dict)
    defaults: Cell = Cell()
    tables: dict[str, Item] = Field(default_factory=dict)
    figures: dict[str, Item] = Field(default_factory=dict)
