"""Datasets: a source, filters and the rule that leaves one material per composition, as typed objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from elemflow.core.declared import Declared


class Source(Declared):
    """Where entries come from; the other keys are those of its kind, read by the module of that kind.

    Attributes:
        kind: Name of a module of `elemflow.sources`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    kind: str

    @property
    def options(self) -> dict[str, Any]:
        """Keys of the kind, with their values."""
        return dict(self.model_extra or {})


class StructureColumn(Declared):
    """Column with the crystal structures of the entries."""

    column: str
    format: Literal["pymatgen", "jarvis", "cif", "poscar", "extxyz"]


class Columns(Declared):
    """Columns of the source that identify an entry.

    Attributes:
        formula: None takes the formula of the structure, or what `elements` gives.
        elements: Column by element, in place of `formula`.
        balance: Element that has the rest to 100.
        amounts: What the amounts of the formulas count.
    """

    formula: str | None = None
    elements: dict[str, str] | None = None
    balance: str | None = None
    amounts: Literal["atomic", "weight"] = "atomic"
    entry_id: str | None = None
    structure_type: str | None = None
    splits: tuple[str, ...] = ()
    structure: StructureColumn | None = None


class Property(Declared):
    """A property of the materials, from a column or computed from the structure.

    Attributes:
        unit: Unit of the values; 1 for none.
        minimum: Physical lower bound: no interval and no clipped prediction is below it.
    """

    unit: str
    title: str = ""
    column: str | None = None
    computed: Literal["volume_per_atom", "volume", "density", "n_sites", "spacegroup"] | None = None
    parse: Literal["strict", "lenient"] = "strict"
    missing: tuple[str, ...] = ()
    minimum: float | None = None


class MissingProperty(Property):
    """A property that the source does not have, with the reason."""

    reason: str


class BorrowedProperty(Property):
    """A property that is read from another dataset."""

    dataset: str
    property: str


class RangeFilter(Declared):
    """Keep entries whose property lies between two bounds."""

    kind: Literal["range"]
    property: str
    minimum: float | None = None
    maximum: float | None = None


class SigmaFilter(Declared):
    """Keep entries within n standard deviations of the mean."""

    kind: Literal["sigma"]
    property: str
    n: float


class MinElementsFilter(Declared):
    """Keep compositions of at least n elements."""

    kind: Literal["min_elements"]
    n: int


class ElementsFilter(Declared):
    """Keep compositions of allowed elements only."""

    kind: Literal["elements"]
    allowed: tuple[str, ...]


class HasFilter(Declared):
    """Keep entries that have a value of a property."""

    kind: Literal["has"]
    property: str


Filter = Annotated[
    RangeFilter | SigmaFilter | MinElementsFilter | ElementsFilter | HasFilter, Field(discriminator="kind")
]


class Keep(Declared):
    """How the entries of one composition become one material."""

    rule: Literal["lowest", "median", "first", "structures", "all"]
    property: str | None = None
    volume: str | None = None


class Dataset(Declared):
    """One source, the filters on its entries and the rule that leaves one material per composition."""

    title: str = ""
    version: str = ""
    license: str = ""
    citation: tuple[str, ...] = ()
    missing: str = ""
    source: Source
    columns: Columns
    properties: dict[str, Property]
    missing_properties: dict[str, MissingProperty] = Field(default_factory=dict)
    read_from: dict[str, BorrowedProperty] = Field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    keep: Keep
    published_size: dict[str, int] = Field(default_factory=dict)

    @property
    def all_properties(self) -> dict[str, Property]:
        """Every property, also those without data and those of another dataset."""
        return {**self.properties, **self.missing_properties, **self.read_from}

    def for_curation(self) -> Dataset:
        """Return the dataset with only what curation depends on: not the texts that captions show."""
        properties = {name: spec.model_copy(update={"title": ""}) for name, spec in self.properties.items()}
        hidden = {"title": "", "version": "", "license": "", "citation": (), "published_size": {}}
        return self.model_copy(update={**hidden, "properties": properties, "missing_properties": {}, "read_from": {}})
