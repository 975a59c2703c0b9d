"""Datasets: a source, filters and the rule that leaves one material per composition, as typed objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from elemflow.core.declared import Declared, FromFile, Parameters

SHOWN = ("title", "version", "license", "citation", "published_size", "missing_properties", "read_from")
"""Keys that captions show and no number depends on."""
LOCAL = ("path", "structures")
"""Keys of a source that name local files."""
ONLY_RETRIEVAL = ("sha256", "joined", "mirrors", "fallback", "article")
"""Keys of a source on which the retrieved bytes do not depend."""
MAKES_MATERIALS = ("source", "columns", "properties", "filters", "keep")
"""Keys that decide which materials there are."""


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
    """Column with the crystal structures of the entries.

    Attributes:
        column: Name of the column.
        format: What it holds.
        required: Whether an entry without a structure that can be read is rejected.
    """

    column: str
    format: Literal["pymatgen", "jarvis", "cif", "poscar", "extxyz"]
    required: bool = True


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


class Dataset(FromFile):
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
    def has_nothing_here(self) -> bool:
        """Whether all properties are without data, or those of another dataset."""
        return not self.properties and bool(self.missing_properties or self.read_from)

    def find_property(self, name: str) -> Property | None:
        """Return a property, also one without data or of another dataset; None if there is none."""
        return self.read_from.get(name) or self.missing_properties.get(name) or self.properties.get(name)

    @property
    def is_joined(self) -> bool:
        """Whether the local file is put together from public repositories where no `data_folder` is set."""
        return bool(self.source.options.get("joined"))

    def local_file(self, data_folder: Path) -> str | None:
        """Return the path of the local file that the dataset is copied from.

        None if there is none, also where the file is put together because no folder was named that should hold it.
        """
        path = self.source.options.get("path")
        if not path:
            return None
        if self.is_joined and data_folder == Path() and not Path(path).is_file():
            return None
        return spell(data_folder / path)

    def source_parameters(self, data_folder: Path) -> Parameters:
        """Return the source, with the paths of local files as they can be opened, each spelled in one way."""
        source = self.written["source"]
        return source | {key: spell(data_folder / source[key]) for key in LOCAL if source.get(key)}

    def with_local_files(self, data_folder: Path) -> Self:
        """Return the dataset with the paths of its local files as they can be opened."""
        source = self.source.model_copy(
            update={key: spell(data_folder / self.source.options[key]) for key in LOCAL if self.source.options.get(key)}
        )
        return self.model_copy(update={"source": source})

    def reading_parameters(self) -> Parameters:
        """Return what reading the retrieved files depends on: not where they were, nor which bytes they must have."""
        source = self.written["source"]
        names = {key: Path(source[key]).name for key in LOCAL if source.get(key)}
        # A shipped file is known by its SHA-256.
        left_out = ONLY_RETRIEVAL if self.source.kind != "shipped" else ()
        return {key: value for key, value in (source | names).items() if key not in left_out}

    def curation_parameters(self) -> Parameters:
        """Return what curation depends on: not the texts that captions show."""
        written = self.written_without(*SHOWN)
        properties = {
            name: {key: value for key, value in spec.items() if key != "title"}
            for name, spec in written["properties"].items()
        }
        return written | {"source": self.reading_parameters(), "properties": properties}

    def texts(self) -> Parameters:
        """Return what captions say of the dataset, on which no number depends."""
        return {key: self.written[key] for key in ("title", "version", "license", "citation") if key in self.written}

    def property_parameters(self, name: str) -> Parameters:
        """Return what training depends on of a property."""
        spec = self.written["properties"][name]
        return {key: spec[key] for key in ("unit", "minimum") if key in spec}

    def materials_key(self) -> str:
        """Return a text that datasets with the same materials have in common: one source, read and curated alike."""
        return json.dumps({key: self.written.get(key) for key in MAKES_MATERIALS}, sort_keys=True)


def spell(path: Path) -> str:
    """Return a path without detours, relative to the working directory if it lies below it.

    Equal files have equal parameters then, whether a config says `x.csv`, `data/../x.csv` or `/project/x.csv`.
    """
    here = Path.cwd()
    # Only the file system knows what is above a link.
    whole = path.resolve() if ".." in path.parts else path.absolute()
    place = next((base for base in (here, here.resolve()) if whole.is_relative_to(base)), None)
    return str(whole.relative_to(place) if place else whole)
