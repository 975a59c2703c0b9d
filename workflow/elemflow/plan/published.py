"""Values printed in the papers, as an index that refuses ambiguous questions."""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from elemflow.config.study import Cell
from elemflow.core.errors import ConfigError, DataError, nearest


@dataclass(frozen=True)
class Quantity:
    """What a paper prints of a network besides its error; `unit` is that of our value, `text` says what it is."""

    unit: str
    text: str


QUANTITIES = {
    "parameters": Quantity("1", "Parameters, with the statistics of batch normalisation"),
    "model_size": Quantity("MB", "Size of the parameters as 32-bit numbers (MB)"),
    "training_time_per_epoch": Quantity("s", "Seconds per epoch of training, the median"),
    "training_time": Quantity("s", "Seconds of training, until early stopping ends it"),
    "prediction_time": Quantity("s", "Seconds to predict the test materials, with compiling"),
}
"""By their names in resources/published/published_other.csv."""

MAE = "mae"
NO_MODEL = "none"
"""What `published_model` is where no printed value is shown."""
MARGIN = 0.05
"""Largest difference that counts as none, as a fraction of the published value."""
COLUMNS = ("study", "table", "row", "dataset", "property", "unit", "size", "representation", "model", "depth")


class Question(NamedTuple):
    """What every table cell knows of its printed value.

    Attributes:
        study: Study that printed it.
        table: Printed table.
        dataset: Dataset; any if empty.
        property: Property, or the quantity of a network.
        representation: Representation; any if empty, as of a model with an input of its own.
        model: Model.
    """

    study: str
    table: str
    dataset: str
    property: str
    representation: str
    model: str


@dataclass(frozen=True)
class PublishedValue:
    """One printed error.

    Attributes:
        value: The number, in `unit`.
        text: The number as printed; its decimals are the printed precision.
        unit: Unit of the value.
        row: Label of the printed row; the only difference between some lines of one table.
        depth: Number of layers, or None where the paper gives none.
        size: Number of materials behind the value, or None where the paper gives none.
        source: Study and printed table, such as `brnet2023 T5`.
        note: Reservation about the value; empty if there is none.
        metric: Which error it is, by the name in `elemflow.evaluation.metrics`.
        line: Line of the file that prints it.
        gap: Distance to the nearest other value that its table prints of the same property, on the same inputs or in
            the same row; None if there is none.
    """

    value: float
    text: str
    unit: str
    row: str
    depth: int | None
    size: int | None
    source: str
    note: str
    metric: str = MAE
    line: int = 0
    gap: float | None = None

    @property
    def margin(self) -> float:
        """Largest difference from the value that counts as none, in its unit.

        It is `MARGIN` of the value, or half the gap to the next value where that is smaller, so that no number repeats
        two printed values; at least half a unit of the last printed digit.
        """
        digit = 10.0 ** int(Decimal(self.text).as_tuple().exponent)
        half = self.gap / 2 if self.gap is not None else math.inf
        return max(min(MARGIN * abs(self.value), half), 0.5 * digit)


PublishedIndex = Mapping[Question, tuple[PublishedValue, ...]]


def read_published(path: str | Path) -> PublishedIndex:
    """Read a table of published errors.

    Args:
        path: CSV file with one line per printed number, in a column `mae`; a column `metric` may name another error.

    Returns:
        The values of each (study, table, dataset, property, representation, model), in file order.

    Raises:
        DataError: A column is missing, a number cannot be read, or two lines answer the same question.
    """
    return _read(path, "mae")


def read_published_quantities(path: str | Path) -> PublishedIndex:
    """Read what papers print besides errors: `QUANTITIES` of networks, and numbers that claims quote.

    Args:
        path: CSV file with one line per printed number, in a column `value`, and what it is in a column `quantity`.

    Returns:
        The values of each (study, table, dataset, quantity, representation, model), in file order.

    Raises:
        DataError: A column is missing, a number cannot be read, or two lines answer the same question.
    """
    return _read(path, "value", "quantity")


def _read(path: str | Path, value: str, quantity: str = "") -> PublishedIndex:
    index: dict[Question, tuple[PublishedValue, ...]] = {}
    first_line: dict[tuple[object, ...], int] = {}
    with Path(path).open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        absent = [name for name in filter(None, (*COLUMNS, value, quantity)) if name not in (reader.fieldnames or [])]
        if absent:
            raise DataError(
                f"{path}: column(s) {', '.join(absent)} missing; found {', '.join(reader.fieldnames or [])}."
            )
        for line in reader:
            if quantity:
                line["property"] = line[quantity]
            where = f"{path}, line {reader.line_num}"
            entry = _parse_line(line, value, where, reader.line_num)
            key = Question(*(line[name].strip() for name in Question._fields))
            whole = (*key, entry.row, entry.depth, entry.size, entry.metric)
            if whole in first_line:
                raise DataError(
                    f"{where}: {' / '.join(key)}, row {entry.row!r}, is already on line {first_line[whole]}; "
                    "keep one of them or give them different row labels."
                )
            first_line[whole] = reader.line_num
            index[key] = (*index.get(key, ()), entry)
    return dict(_with_gaps(index))


def _with_gaps(index: PublishedIndex) -> Iterator[tuple[Question, tuple[PublishedValue, ...]]]:
    """Yield the values with the distances to their neighbours, whether a table has models in rows or in columns."""
    sets: dict[tuple[str, ...], list[tuple[str, PublishedValue]]] = {}
    for key, entries in index.items():
        for entry in entries:
            sets.setdefault((*key[:4], entry.metric), []).append((key.representation, entry))
    for key, entries in index.items():
        yield key, tuple(_with_gap(key.representation, entry, sets[*key[:4], entry.metric]) for entry in entries)


def _with_gap(inputs: str, value: PublishedValue, others: list[tuple[str, PublishedValue]]) -> PublishedValue:
    gaps = [
        abs(value.value - other.value)
        for representation, other in others
        if other.value != value.value and (representation == inputs or other.row == value.row)
    ]
    return replace(value, gap=min(gaps)) if gaps else value


def _parse_line(line: Mapping[str, str], value: str, where: str, number_of_line: int) -> PublishedValue:
    text = (line[value] or "").strip()
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{where}: {value} is {text!r}; a finite number as printed is needed.")
    return PublishedValue(
        value=number,
        text=text,
        unit=spell_unit(line["unit"].strip()),
        row=line["row"].strip(),
        depth=_parse_count(line["depth"], "depth", where),
        size=_parse_count(line["size"], "size", where),
        source=f"{line['study'].strip()} {line['table'].strip()}",
        note=(line.get("note") or "").strip(),
        metric=(line.get("metric") or "").strip() or MAE,
        line=number_of_line,
    )


def _parse_count(text: str | None, column: str, where: str) -> int | None:
    text = (text or "").strip()
    if not text:
        return None
    if not text.isdecimal():
        raise DataError(f"{where}: {column} is {text!r}; a whole number or nothing is needed.")
    return int(text)


def largest_sizes(index: PublishedIndex) -> dict[tuple[str, str, str], int]:
    """Return the largest number of materials that a study prints of a (study, dataset, property)."""
    sizes: dict[tuple[str, str, str], int] = {}
    for (study, _, dataset, name, *_), entries in index.items():
        known = [entry.size for entry in entries if entry.size]
        sizes[study, dataset, name] = max([*known, sizes.get((study, dataset, name), 0)])
    return {key: size for key, size in sizes.items() if size}


def find_quoted(index: PublishedIndex, study: str, name: str, where: str) -> PublishedValue:
    """Return a number that a claim quotes, by the quantity that names it within its study.

    Raises:
        ConfigError: The study prints none of this name, or several.
    """
    numbers = [(key.property, value) for key, values in index.items() if key.study == study for value in values]
    found = [value for quantity, value in numbers if quantity == name]
    if len(found) != 1:
        raise ConfigError(
            f"{where}: {len(found)} numbers of {study} in published_other.csv have the quantity '{name}'; a claim "
            f"quotes one.{nearest(name, {quantity for quantity, _ in numbers})}"
        )
    return found[0]


def spell_unit(written: str) -> str:
    """Return a unit that is written in ASCII in the spelling of the datasets, such as Å³ for A^3."""
    return written.replace("A^3", "Å³").replace("^3", "³").replace("mu_B", "µB")


def same_unit(printed: str, ours: str) -> bool:
    """Return whether a printed unit is ours; values per cell are printed without saying so."""
    return printed.removesuffix("/cell") == ours.removesuffix("/cell")


def check_printed(index: PublishedIndex, question: Question, keys: Cell, where: str) -> None:
    """Check that there are values of a table, and of the row, model, dataset and size that a cell names.

    Args:
        index: The papers' numbers.
        question: What was looked for in vain.
        keys: Keys of the cell.
        where: How messages call its file.

    Raises:
        ConfigError: There are none, so that the name must be a mistake.
    """
    study, table = question.study, question.table
    tables: dict[str, dict[str, list[tuple[Question, PublishedValue]]]] = {}
    for asked, entries in index.items():
        tables.setdefault(asked.study, {}).setdefault(asked.table, []).extend((asked, entry) for entry in entries)
    if study not in tables:
        raise ConfigError(f"{where}: key 'published_study': no values of '{study}' are known.{nearest(study, tables)}")
    if table not in tables[study]:
        raise ConfigError(
            f"{where}: key 'published_table': no values of table '{table}' of {study}. Known: "
            f"{', '.join(tables[study])}.{nearest(table, tables[study])}"
        )
    lines = tables[study][table]
    # A list of models may be crossed with tables that do not print all of them.
    model = keys.published_model
    if model not in {None, NO_MODEL, *(asked.model for asked in index)}:
        hint = nearest(str(model), {asked.model for asked in index})
        raise ConfigError(f"{where}: key 'published_model': no values of a model '{model}' are known.{hint}")
    known: dict[str, tuple[object, set[object]]] = {
        "row": (keys.published_row, {entry.row for _, entry in lines}),
        "dataset": (keys.published_dataset, {asked.dataset for asked, _ in lines}),
        "size": (keys.published_size, {entry.size for _, entry in lines}),
    }
    for key, (name, names) in known.items():
        if name is not None and name not in names:
            shown = sorted(map(str, names - {None, ""}))
            raise ConfigError(
                f"{where}: key 'published_{key}': table '{table}' of {study} has no {key} '{name}'. Known: "
                f"{', '.join(shown)}.{nearest(str(name), shown)}"
            )


def lookup(
    index: PublishedIndex,
    question: Question,
    *,
    depth: int | None = None,
    size: int | None = None,
    row: str | None = None,
    metric: str = MAE,
) -> PublishedValue | None:
    """Find the printed value of one table cell.

    `depth`, `size` and `row` are only needed where the question leaves a choice, as in a table of
    branch layouts whose lines differ by their row label alone. A line without a representation, as of a model with an
    input of its own, stands next to every representation, and one without a dataset next to every dataset.

    Returns:
        The value, or None if the paper prints none.

    Raises:
        DataError: The paper prints several values for this question.
    """
    found = [
        entry
        for key in (question, question._replace(representation=""), question._replace(dataset=""))
        for entry in index.get(key, ())
        if depth in (None, entry.depth)
        and size in (None, entry.size)
        and row in (None, entry.row)
        and metric == entry.metric
    ]
    if len(found) > 1:
        choices = "; ".join(f"row {e.row!r}, depth {e.depth}, size {e.size}: {e.text}" for e in found)
        raise DataError(
            f"{len(found)} published values for {' / '.join(question)}. Name the row, depth or size of one: {choices}."
        )
    return found[0] if found else None
