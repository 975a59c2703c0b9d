"""Rows of the source, frame by frame, to tables of entries: formulas, numbers and structures are read and checked."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from elemflow.chemistry.composition import canonical
from elemflow.chemistry.crystal import Crystal, decode, encode, formula_of
from elemflow.chemistry.crystal_properties import COMPUTED
from elemflow.chemistry.weights import CANONICAL, Basis
from elemflow.config.dataset import Columns, Dataset
from elemflow.core.errors import DataError, nearest
from elemflow.curation.element_columns import formulas_of, other_sums
from elemflow.curation.job import CurationJob
from elemflow.curation.numbers import parse_numbers, texts
from elemflow.curation.requirements import require_rows
from elemflow.curation.schema import NO_STRUCTURE, has_types
from elemflow.curation.structures import check_composition, read_crystal

CACHED_FORMULAS = 1_000_000
"""Spellings whose composition is cached, some 150 MB; further ones are read again in each frame."""

_REJECTED = pa.schema(
    [pa.field("row", pa.int64(), nullable=False)]
    + [pa.field(name, pa.string(), nullable=False) for name in ("entry_id", "formula", "reason")]
)


class Rejections:
    """The rows that cannot be read, by stage, with the reason of each."""

    def __init__(self, stages: Iterable[str]) -> None:
        self._tables: dict[str, list[pa.Table]] = {stage: [_REJECTED.empty_table()] for stage in stages}

    def drop(self, stage: str, table: pa.Table, reasons: pa.Array) -> pa.Table:
        """Return the rows without a reason and record the others."""
        if reasons.null_count == len(reasons):
            return table
        bad = reasons.is_valid()
        rejected = table.select(["row", "entry_id", "formula"]).append_column("reason", reasons)
        self._tables[stage].append(rejected.filter(bad).cast(_REJECTED))
        return table.filter(pc.invert(bad))

    def tables(self) -> dict[str, pa.Table]:
        """Return `row`, `entry_id`, `formula` and `reason` of rejected rows by stage, in the order of the source."""
        return {stage: _in_order(pa.concat_tables(tables)) for stage, tables in self._tables.items()}


def _in_order(table: pa.Table) -> pa.Table:
    """Return rows in their order: those that one frame lost for one reason come before those for another."""
    rows = table["row"].to_numpy()
    return table if (np.diff(rows) > 0).all() else table.take(pa.array(np.argsort(rows)))


class Compositions:
    """A number for each composition.

    Args:
        basis: What the amounts of the formulas count.

    Attributes:
        names: Canonical formula by number.
    """

    def __init__(self, basis: Basis = "atomic") -> None:
        self._read = CANONICAL[basis]
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, formula: str) -> int:
        """Return the number of a formula's composition.

        Raises:
            ValueError: The text is no formula; says why.
        """
        code = self._codes.get(formula)
        if code is None:
            name = self._read(formula)
            code = self._codes.setdefault(name, len(self.names))
            if code == len(self.names):
                self.names.append(name)
            if len(self._codes) - len(self.names) < CACHED_FORMULAS:
                self._codes[formula] = code
        return code

    def rank(self) -> tuple[pa.Array, np.ndarray]:
        """Return the canonical formulas in alphabetical order, and the position of each number in it."""
        names = pa.array(self.names, pa.string())
        order = pc.array_sort_indices(names)
        rank = np.empty(len(names), np.int32)
        rank[order.to_numpy()] = np.arange(len(names), dtype=np.int32)
        return names.take(order), rank


class RowReader:
    """Turn frames of the source into tables of entries, without the rows that cannot be read.

    Args:
        job: The curation.
        whole: What the amounts of columns per element must add up to; None if that is not known.

    Attributes:
        rows: Rows read.
        computed: Property of the structure by id, for the properties that are computed.
        unreadable: By property, cells that were no numbers.
        compositions: The compositions that occurred.
        rejections: The rows that could not be read.
        without_structure: Rows that stay without a structure, by reason.
    """

    def __init__(self, job: CurationJob, whole: Decimal | None = None) -> None:
        dataset = job.dataset
        self._whole = whole
        self._job, self._dataset = job, dataset
        self.rows = 0
        self.computed = {name: spec.computed for name, spec in dataset.properties.items() if spec.computed}
        self.unreadable = dict.fromkeys(dataset.properties, 0)
        self.compositions = Compositions(dataset.columns.amounts)
        self.rejections = Rejections(["formula", *(["structure"] if dataset.columns.structure else [])])
        self.without_structure: Counter[str] = Counter()
        self._structure_required = dataset.columns.structure is None or dataset.columns.structure.required
        self._columns: dict[str, None] = {}
        self._absent: dict[str, str] = {}
        self._place = ""

    def read(self, frame: pd.DataFrame) -> pa.Table:
        """Return the entries of a frame that can be read, with the number `code` of their composition.

        Raises:
            DataError: A column is missing, or a number cannot be read.
        """
        names = self._dataset.columns
        place = str(self._job.raw_folder / frame.attrs.get("file", ""))
        decimal = frame.attrs.get("decimal")
        frame = self._with_columns(frame, place)
        first, self.rows = self.rows, self.rows + len(frame)
        columns: dict[str, pa.Array] = {
            "row": pa.array(np.arange(first + 1, self.rows + 1)),
            "entry_id": texts(frame[names.entry_id] if names.entry_id else range(first, self.rows)),
            "formula": _formulas(frame, names, decimal),
        }
        for name, spec in self._dataset.properties.items():
            if spec.column is not None:
                columns[name], bad = parse_numbers(frame[spec.column], spec, place, first, decimal)
                self.unreadable[name] += bad
        if names.structure_type:
            columns["structure_type"] = texts(frame[names.structure_type])
        if names.structure:
            columns["structure"] = texts(frame[names.structure.column])
        columns |= {name: texts(frame[name]) for name in names.splits}
        table = pa.table(columns)
        if names.elements and self._whole is not None:
            table = self.rejections.drop("formula", table, other_sums(frame, names.elements, self._whole, decimal))
        if names.structure is None:
            return self._with_compositions(table)
        reader = partial(read_crystal, form=names.structure.format)
        if names.formula or names.elements:
            return self._with_structures(self._with_compositions(table), reader)
        return self._with_structures(self._with_compositions(self._with_formulas(table, reader)), decode)

    def check(self, entries: int) -> None:
        """Check that the source has usable rows, and every column in some frame.

        Args:
            entries: Number of entries that could be read.

        Raises:
            DataError: There are none, or a column is missing.
        """
        if not self.rows:
            raise DataError(
                f"Dataset {self._job.dataset_id}: the files in {self._job.raw_folder} hold no rows. Check the source."
            )
        _check_absent(self._absent, self._place, self._columns)
        rejected = self.rejections.tables()
        first: dict[str, str] = next(
            (table.slice(0, 1).to_pylist()[0] for table in rejected.values() if len(table)), {}
        )
        what = "formula" if len(rejected["formula"]) == self.rows else "formula and a structure"
        require_rows(self._job.dataset_id, entries, f"has a {what} that can be read", first)

    def _with_compositions(self, table: pa.Table) -> pa.Table:
        """Add `composition` and its number `code`; drop the rows whose formula cannot be read."""
        encoded = table["formula"].combine_chunks().dictionary_encode()
        codes: list[int | None] = []
        reasons: list[str | None] = []
        for formula in encoded.dictionary.to_pylist():
            try:
                code, reason = self.compositions.code(formula), None
            except ValueError as error:
                code, reason = None, str(error)
            codes.append(code)
            reasons.append(reason)
        names = self.compositions.names
        compositions = pa.array([None if code is None else names[code] for code in codes], pa.string())
        table = table.append_column("code", pa.array(codes, pa.int32()).take(encoded.indices))
        table = table.append_column("composition", compositions.take(encoded.indices))
        return self.rejections.drop("formula", table, pa.array(reasons, pa.string()).take(encoded.indices))

    def _with_formulas(self, table: pa.Table, reader: Callable[[str], Crystal]) -> pa.Table:
        """Encode the structures and set their formulas; drop the rows whose structure cannot be read."""
        codes: list[bytes | None] = []
        formulas: list[str] = []
        reasons: list[str | None] = []
        for text in table["structure"].to_pylist():
            code, formula, reason = None, "", None
            try:
                crystal = reader(text)
                code, formula = encode(crystal), canonical(formula_of(crystal.species))
            except ValueError as error:
                reason = str(error)
            codes.append(code)
            formulas.append(formula)
            reasons.append(reason)
        for name, column in (("structure", pa.array(codes, pa.binary())), ("formula", pa.array(formulas, pa.string()))):
            table = table.set_column(table.column_names.index(name), name, column)
        return self.rejections.drop("structure", table, pa.array(reasons, pa.string()))

    def _with_structures(self, table: pa.Table, reader: Callable[[Any], Crystal]) -> pa.Table:
        """Encode the structures and compute properties; drop the rows whose structure cannot be read."""
        wanted: dict[str, str] = dict(self.computed)
        if has_types(self._dataset) and "structure_type" not in table.column_names:
            wanted["structure_type"] = "spacegroup"
        codes: list[bytes | None] = []
        reasons: list[str | None] = []
        numbers: dict[str, list[float]] = {kind: [] for kind in wanted.values()}
        for text, composition in zip(table["structure"].to_pylist(), table["composition"].to_pylist(), strict=True):
            code, found, reason = self._read_structure(text, composition, reader, numbers)
            codes.append(code)
            reasons.append(reason)
            for kind, number in found.items():
                numbers[kind].append(number)
        table = table.set_column(table.column_names.index("structure"), "structure", pa.array(codes, pa.binary()))
        for name, kind in wanted.items():
            column = pa.array(numbers[kind], pa.float64(), from_pandas=True)
            if name == "structure_type":
                column = pc.fill_null(column.cast(pa.int16()).cast(pa.string()), "")
            table = table.append_column(name, column)
        return self.rejections.drop("structure", table, pa.array(reasons, pa.string()))

    def _read_structure(
        self, text: Any, composition: str, reader: Callable[[Any], Crystal], kinds: Iterable[str]
    ) -> tuple[bytes | None, dict[str, float], str | None]:
        """Return the encoded structure, what is computed of it, and why it is rejected.

        `NO_STRUCTURE` stands for one that cannot be read and is not required.
        """
        nothing = dict.fromkeys(kinds, np.nan)
        try:
            crystal = reader(text)
        except ValueError as error:
            if self._structure_required:
                return None, nothing, str(error)
            self.without_structure.update([str(error)])
            return NO_STRUCTURE, nothing, None
        try:
            check_composition(crystal, composition)
            return encode(crystal), {kind: COMPUTED[kind](crystal) for kind in nothing}, None
        except ValueError as error:
            return None, nothing, str(error)

    def _with_columns(self, frame: pd.DataFrame, place: str) -> pd.DataFrame:
        """Return a frame with every column that the config names.

        JSON objects may lack keys without a value, so a whole block of them may lack a column that others have.
        """
        present = [str(name) for name in frame.columns]
        self._columns |= dict.fromkeys(present)
        absent = {key: name for key, name in wanted_columns(self._dataset).items() if name not in present}
        if not frame.attrs.get("sparse"):
            _check_absent(absent, place, present)
        self._absent = {key: name for key, name in absent.items() if key in self._absent or not self.rows}
        self._place = self._place or place
        return frame.assign(**dict.fromkeys(absent.values(), ""))


def _check_absent(absent: Mapping[str, str], place: str, present: Iterable[str]) -> None:
    for key, name in absent.items():
        columns = f"Its columns are: {', '.join(present)}.{nearest(name, present)}"
        raise DataError(f"{place} has no column {name!r} ({key}). {columns} Correct the dataset's config.")


def wanted_columns(dataset: Dataset) -> dict[str, str]:
    """Return the columns that the config of a dataset names, by their keys."""
    columns = dataset.columns
    named = {
        "columns.formula": columns.formula,
        **{f"columns.elements.{symbol}": name for symbol, name in (columns.elements or {}).items()},
        "columns.entry_id": columns.entry_id,
        "columns.structure_type": columns.structure_type,
        "columns.structure.column": columns.structure.column if columns.structure else None,
        **{f"columns.splits[{i}]": name for i, name in enumerate(columns.splits)},
        **{f"properties.{key}.column": spec.column for key, spec in dataset.properties.items()},
    }
    return {key: name for key, name in named.items() if name}


def _formulas(frame: pd.DataFrame, names: Columns, decimal: str | None) -> pa.Array:
    """Return formulas as text, empty where they are those of structures.

    A comma between digits becomes a point where numbers have decimal commas.
    """
    if names.elements:
        return formulas_of(frame, names.elements, names.balance, decimal)
    if names.formula is None:
        return pa.array([""] * len(frame))
    found = texts(frame[names.formula])
    return found if decimal != "," else pc.replace_substring_regex(found, r"([0-9]),([0-9])", r"\1.\2")
