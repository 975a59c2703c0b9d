"""Studies: tables and figures as grids over runs, and the claims about them, as typed objects."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator

from elemflow.config.variations import flatten
from elemflow.core.declared import Declared, FromFile
from elemflow.core.errors import ConfigError

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
        given = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: (value,) if isinstance(value, str) else value for key, value in given.items() if value}

    def of(self, key: str) -> OneOrMany | None:
        """Return the value or values of a run key; None if it is not given."""
        found: OneOrMany | None = getattr(self, key)
        return found

    def within(self, other: Self) -> Self:
        """Return the selector of cells that have what both select; keys of this one replace those of the other."""
        return other.model_copy(update={key: self.of(key) for key in self.values})


class Cell(Declared):
    """Keys of one cell, or those that all cells of a row, a column, an item or a study share.

    Attributes:
        variations: Changes to the protocol by dotted key; a list stands for one cell each.
        inputs: Text in the names of the inputs that are counted; None for all.
        listed: Models whose results the paper lists and which are not computed here.
        recorded: Whether the run is shown from the record and not computed for this cell.
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
    recorded: bool = False
    published_table: str | None = None
    published_study: str | None = None
    published_model: OneOrMany | None = None
    published_dataset: str | None = None
    published_size: int | None = None
    published_row: str | None = None
    level: int | None = None
    quantity: str | None = None
    setting: str | None = None
    inputs: str | None = None
    missing: str | None = None

    def get(self, key: str) -> OneOrMany | None:
        """Return the value under a key of runs; None if it is not given."""
        found: OneOrMany | None = getattr(self, key)
        return found

    def names(self, key: str) -> bool:
        """Return whether a key of runs, or `with`, is given here."""
        return bool(self.variations) if key == "with" else key in self.model_fields_set

    @classmethod
    def merged(cls, *levels: Cell) -> Cell:
        """Return the keys of a cell; those of later levels replace earlier ones, also within `with`."""
        given = {key: getattr(level, key) for level in levels for key in level.model_fields_set if key != "cells"}
        changes = {key: value for level in levels for key, value in flatten(level.variations).items()}
        return Cell(**{**given, "variations": changes} if changes else given)


class Row(Cell):
    """A row of a table or figure, with the keys that differ from cell to cell."""

    cells: tuple[Cell, ...] | None = None

    @field_validator("cells", mode="before")
    @classmethod
    def _expanded(cls, value: Any) -> Any:
        return value if value is None else list(expand(value))


class Item(Declared):
    """A table or figure: rows crossed with columns; a list in an entry of either stands for one entry each."""

    title: str
    kind: str
    metric: str = "mae"
    note: str = ""
    published_table: str | None = None
    defaults: Cell = Cell()
    rows: tuple[Row, ...]
    columns: tuple[Cell, ...]

    @field_validator("rows", "columns", mode="before")
    @classmethod
    def _expanded(cls, value: Any) -> Any:
        return list(expand(value))


class Claim(Declared):
    """A claim of a paper; which keys it has besides those of every claim depends on its kind."""

    text: str
    source: str = ""
    note: str = ""
    printed: bool | str = True
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
    adjusted: bool | None = None
    quotes: tuple[str, ...] = ()
    at_least: int | None = None


class Study(FromFile):
    """Tables, figures and claims of one paper or question."""

    title: str
    reference: str = ""
    citation: tuple[str, ...] = ()
    model_selection: str = ""
    claims: dict[str, Claim] = Field(default_factory=dict)
    defaults: Cell = Cell()
    tables: dict[str, Item] = Field(default_factory=dict)
    figures: dict[str, Item] = Field(default_factory=dict)


def expand(axis: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield one entry per combination of the lists in an entry of a grid's side, those under `with` included.

    Raises:
        ConfigError: A label cannot be filled in.
    """
    for entry in axis:
        changes = flatten(entry.get("with", {}))
        lists = {("", key): value for key, value in entry.items() if isinstance(value, list) and key != "cells"}
        lists |= {("with", key): value for key, value in changes.items() if isinstance(value, list)}
        for values in itertools.product(*lists.values()):
            chosen = dict(zip(lists, values, strict=True))
            own = {**entry, **{key: value for (above, key), value in chosen.items() if not above}}
            if changes:
                own["with"] = changes | {key: value for (above, key), value in chosen.items() if above}
            yield _labelled(own)


def _labelled(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry whose label shows its variations, where it has places for them such as `{train_rows:,}`."""
    if "with" not in entry or "{" not in entry.get("label", ""):
        return entry
    values = {path.rpartition(".")[2]: value for path, value in entry["with"].items()}
    try:
        return {**entry, "label": entry["label"].format(**values)}
    except (KeyError, ValueError, IndexError):
        raise ConfigError(
            f"label '{entry['label']}': cannot be filled in. The keys of its `with`: {', '.join(values)}."
        ) from None


def read_study(declared: Mapping[str, Any], where: str) -> Study:
    """Return the typed declaration of a study, valid by its JSON schema.

    Args:
        declared: The declaration.
        where: How messages call the file.

    Raises:
        ConfigError: A label cannot be filled in.
    """
    try:
        return Study.read(declared)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
