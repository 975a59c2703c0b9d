"""What the columns of an unknown table are: formulas, ids, numbers with units, structures, and how it is read."""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from elemflow.chemistry.composition import canonical_forms
from elemflow.chemistry.suggestions import suggestions, suspicious
from elemflow.core.errors import ConfigError, DataError, quoted
from elemflow.curation.numbers import why_no_number
from elemflow.sources.csv_header import header_separator
from elemflow.sources.structure_files import COLUMN, FIELD, format_of_files
from elemflow.sources.table_files import format_of
from elemflow.sources.table_rows import Layout, read_table

NAMES_OF_FORMULAS = ("formula", "composition", "reduced_formula", "pretty_formula", "chemical_formula", "compound")
NAMES_OF_NAMES = {
    "property", "properties", "prop", "property_name", "quantity", "variable", "target", "attribute", "measurement",
    "descriptor",
}  # fmt: skip
"""Columns of long tables with the names of properties, as ids."""
NAMES_OF_VALUES = {"value", "values", "val", "property_value"}
"""Columns of long tables with the values, as ids."""
MOST_NAMES = 200
"""Most properties of a long table."""
MISSING = {"-", "--", "n/a", "na", "nan", "none", "null", "?", "missing"}
"""Words that stand for a missing number, in lower case."""
ENOUGH = 0.8
"""Fraction of the filled cells that must be formulas, or numbers."""
MOST_DISTINCT = 5_000
"""Distinct cells of a column that are read as formulas."""
NO_NUMBERS = "no numbers"
"""Why a column is left out whose cells look like nothing known."""
MOST_SHOWN = 5
"""Most words for missing numbers that are proposed, and most examples of what is wrong."""

_NUMBER = {
    decimal: re.compile(
        rf"[-+−]?(?:[0-9]+(?:{re.escape(decimal)}[0-9]*)?|{re.escape(decimal)}[0-9]+)(?:[eE][-+]?[0-9]+)?"
    )
    for decimal in ".,"
}
_UNIT = re.compile(r"^(?P<name>.*?)[\s_]*[(\[](?P<unit>(?:[^()\[\]]|[(\[][^()\[\]]*[)\]])+)[)\]]\s*$")
"""A heading with a unit in brackets at its end; the unit may have brackets itself, as W/(m K) has."""
_GROUPED = re.compile(r"[-+−]?[0-9]{1,3},[0-9]{3}")
_ID = re.compile(r"(?:^|.*[_ -])(?:id|jid|auid|uuid|refcode)$", re.IGNORECASE)
_INDEX = re.compile(r"^(?:|unnamed.*|index|row|no\.?|nr\.?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        name: Its name in the table.
        property_id: A name for the property.
        unit: Unit in the name of the column, or None.
        filled: Number of cells that are not empty.
        missing: Words that stand for missing numbers.
        others: First cells that are neither, with their row from 1.
    """

    name: str
    property_id: str
    unit: str | None
    filled: int
    missing: tuple[str, ...] = ()
    others: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Long:
    """Columns of a long table, with one value per row.

    Attributes:
        name: Column with the name of the property of each row.
        value: Column with its value.
        numbers: The properties.
    """

    name: str
    value: str
    numbers: list[Column]


@dataclass(frozen=True)
class Proposal:
    """What a table seems to be.

    Attributes:
        layout: How it is read.
        decimal: What stands before decimals.
        rows: Number of rows.
        columns: Names of all columns.
        formulas: Fraction of filled cells that are formulas, by column with at least `ENOUGH`; the likeliest first.
        numbers: Columns of numbers.
        entry_id: Column with ids, or None.
        structure: Column with structures and its format, or None.
        files: Pattern of the files with the structures, as the configuration names it; None if the table holds them.
        repeated: Rows whose composition another row has too, for the likeliest column of formulas.
        mistyped: First formulas of that column that may be meant for others: row from 1, formula, and what is meant.
        left_out: Why a column is none of these, by its name.
        comma: First number of these columns with a decimal comma; empty if decimals stand behind a point.
        long: Columns of a long table; None if the table does not look like one.
    """

    layout: Layout
    decimal: str
    rows: int
    columns: list[str]
    formulas: dict[str, float]
    numbers: list[Column]
    entry_id: str | None = None
    structure: tuple[str, str] | None = None
    files: str | None = None
    repeated: int = 0
    mistyped: tuple[tuple[int, str, str], ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    comma: str = ""
    long: Long | None = None


@dataclass
class _Seen:
    """Cells of a column."""

    texts: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)


def propose(table: Path, wanted: Sequence[str] = ()) -> Proposal:
    """Look at a table and return what its columns seem to be.

    Args:
        table: A file in one of the formats of the source `table`.
        wanted: Columns that are properties if they have numbers, even if they look like ids or numbers of rows.

    Raises:
        DataError: The file cannot be read, or has no row.
    """
    layout = _layout(table)
    frames = list(read_table(table, layout))
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    if frame.empty:
        raise DataError(f"{table}: no rows.")
    cells = {str(name): _seen(frame[name]) for name in frame.columns}
    decimal = _decimal(cells.values(), layout.separator) if layout.format == "csv" else "."
    formulas = _formulas(cells)
    best = next(iter(formulas), None)
    columns = [each for name in cells if name != best and (each := _numbers(name, cells[name], decimal))]
    rejected = {each.name: _names_rows(each.name, cells[each.name], len(frame)) for each in columns}
    numbers = [each for each in columns if each.name in wanted or not rejected[each.name]]
    taken = {best, *(column.name for column in numbers)}
    ids = [name for name in cells if name not in taken and _ID.match(name) and _distinct(cells[name], len(frame))]
    structures = [(name, form) for name in cells if name not in taken and (form := _structure_format(cells[name]))]
    used = {*taken, *formulas, *ids[:1], *(name for name, _ in structures[:1])}
    return Proposal(
        layout=layout,
        decimal=decimal,
        rows=len(frame),
        columns=list(cells),
        formulas=formulas,
        numbers=numbers,
        entry_id=ids[0] if ids else None,
        structure=structures[0] if structures else None,
        repeated=_repeated(cells[best]) if best else 0,
        mistyped=tuple(itertools.islice(_mistyped(cells[best]), MOST_SHOWN)) if best else (),
        left_out={name: rejected.get(name) or _why_not(cells[name], decimal) for name in cells if name not in used},
        comma=_first_with_comma([cells[each.name] for each in numbers]) if decimal == "," else "",
        long=_long(frame, [name for name in cells if name not in used], numbers, decimal),
    )


def with_structure_files(found: Proposal, pattern: str, named: str) -> Proposal:
    """Return a proposal whose structures are in files.

    Args:
        found: The table.
        pattern: Path of the files, with columns in braces.
        named: The same as the configuration names it.

    Raises:
        ConfigError: The pattern names no column, or one that the table does not have.
    """
    names = FIELD.findall(pattern)
    if not names or not set(names) <= set(found.columns):
        raise ConfigError(
            f"structures '{pattern}': name a column of the table in braces, such as 'cifs/{{{found.columns[0]}}}.cif'. "
            f"Columns: {', '.join(found.columns)}."
        )
    return replace(found, structure=(COLUMN, format_of_files(pattern)), files=named)


def id_of(text: str) -> str:
    """Return a text as an id: lower-case letters without accents, digits and _."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")


def split_unit(name: str) -> tuple[str, str | None]:
    """Return a heading without a unit in brackets at its end, and that unit or None: `kappa (W/(m K))`."""
    match = _UNIT.match(name)
    return (match["name"], match["unit"].strip()) if match else (name, None)


def property_of(name: str) -> tuple[str, str | None]:
    """Return a name for the property of a column, and its unit if the column names it: `Eg (eV)`."""
    plain, unit = split_unit(name)
    found = id_of(plain)
    return (found if re.match(r"[a-z]", found) else f"property_{found}".rstrip("_")), unit


def _layout(table: Path) -> Layout:
    """Return how a file is read, with the separator that its header shows."""
    form = format_of(table.name)
    if form is None:
        raise DataError(
            f"{table}: the format is not known by its name. Name it .csv, .json, .jsonl, .parquet or .xlsx."
        )
    if not table.is_file():
        raise DataError(f"{table}: no such file.")
    if form != "csv":
        return Layout(form)
    return Layout(form, header_separator(table))


def _seen(cells: "pd.Series[str]") -> _Seen:
    """Return the cells of a column that are not empty, with the row where each is first."""
    seen = _Seen()
    for row, cell in enumerate(cells.tolist(), 1):
        text = "" if cell is None or cell != cell else str(cell).strip()  # noqa: PLR0124  NaN
        if text and text != "<NA>":
            seen.texts[text] += 1
            seen.first.setdefault(text, row)
    return seen


def _decimal(columns: Iterable[_Seen], separator: str) -> str:
    """Return what stands before decimals: a comma where more cells are numbers with one.

    Where a comma separates the columns too, and three digits follow every comma within a cell, they are groups of
    thousands: a program that writes decimal commas separates its columns by semicolons or tabs.
    """
    counts = dict.fromkeys(".,", 0)
    grouped = separator == ","
    for seen in columns:
        for text, times in seen.texts.items():
            for decimal in counts:
                if decimal in text and _NUMBER[decimal].fullmatch(text):
                    counts[decimal] += times
                    grouped &= decimal == "." or bool(_GROUPED.fullmatch(text))
    return "," if counts[","] > counts["."] and not grouped else "."


def _formulas(cells: dict[str, _Seen]) -> dict[str, float]:
    """Return the columns of formulas, the likeliest first: by their name, then by how many cells are formulas."""
    shares = {}
    for name, seen in cells.items():
        texts = list(seen.texts)[:MOST_DISTINCT]
        if texts and not all(_NUMBER["."].fullmatch(text) for text in texts[:20]):
            forms, _ = canonical_forms(texts)
            several = any(sum(map(str.isupper, text)) > 1 for text in forms)
            share = len(forms) / len(texts)
            if share >= ENOUGH and several:
                shares[name] = share
    named = [name.lower() in NAMES_OF_FORMULAS for name in shares]
    order = sorted(zip(shares, named, strict=True), key=lambda pair: (-pair[1], -shares[pair[0]]))
    return {name: shares[name] for name, _ in order}


def _numbers(name: str, seen: _Seen, decimal: str) -> Column | None:
    """Return a column of numbers; None if it has none."""
    good = sum(times for text, times in seen.texts.items() if _NUMBER[decimal].fullmatch(text))
    bad = [text for text in seen.texts if not _NUMBER[decimal].fullmatch(text)]
    missing = [text for text in bad if text.lower() in MISSING]
    filled = seen.texts.total() - sum(seen.texts[text] for text in missing)
    if not good or good < ENOUGH * filled:
        return None
    others = sorted((seen.first[text], text) for text in bad if text.lower() not in MISSING)
    property_id, unit = property_of(name)
    return Column(name, property_id, unit, filled, tuple(missing[:MOST_SHOWN]), tuple(others[:MOST_SHOWN]))


def _first_with_comma(columns: Iterable[_Seen]) -> str:
    """Return the first number of the columns that has a decimal comma; empty if there is none."""
    texts = (text for seen in columns for text in seen.texts)
    return next((text for text in texts if "," in text and _NUMBER[","].fullmatch(text)), "")


def _why_not(seen: _Seen, decimal: str) -> str:
    """Return why a column has no numbers: what the first cell looks like that is nearly one, and what to do."""
    nearly = sum(times for text, times in seen.texts.items() if text[-1:].isdigit() or text[:1].isdigit())
    if nearly < ENOUGH * seen.texts.total():
        return NO_NUMBERS
    for text, row in itertools.islice(seen.first.items(), MOST_DISTINCT):
        advice = "" if _NUMBER[decimal].fullmatch(text) else why_no_number(text, decimal)
        if advice:
            return f"row {row}: {quoted(text)} is no number. {advice.removesuffix('.')}"
    return NO_NUMBERS


def _names_rows(name: str, seen: _Seen, rows: int) -> str:
    """Return why a column has ids, or numbers the rows from 0 or 1; empty if it does not."""
    if _UNIT.match(name):
        return ""
    if _INDEX.match(name.strip()):
        return "named as numbers of rows are"
    if _ID.match(name):
        return "named as ids are"
    # With all cells filled and distinct, the distinct ones in their order are the column.
    counted = ([str(row) for row in range(start, rows + start)] for start in (0, 1))
    return "numbers the rows" if _distinct(seen, rows) and list(seen.texts) in counted else ""


def _long(frame: pd.DataFrame, texts: Sequence[str], numbers: Sequence[Column], decimal: str) -> Long | None:
    """Return the columns of a long table: one of few texts, called as names of properties are, and one of values."""
    values = [each.name for each in numbers if id_of(each.name) in NAMES_OF_VALUES] or [each.name for each in numbers]
    names = [name for name in texts if id_of(name) in NAMES_OF_NAMES]
    if len(values) != 1 or not names:
        return None
    rows = {str(name): group for name, group in frame.groupby(names[0], sort=False)[values[0]] if str(name).strip()}
    if not 1 < len(rows) <= MOST_NAMES or 2 * len(rows) > len(frame):
        return None
    found = [each for name, group in rows.items() if (each := _numbers(name, _seen(group), decimal))]
    return Long(names[0], values[0], found) if found else None


def _distinct(seen: _Seen, rows: int) -> bool:
    return len(seen.texts) == rows


def _structure_format(seen: _Seen) -> str | None:
    """Return the format of a column of crystal structures."""
    text = next(iter(seen.texts), "")
    if text.startswith("{"):
        return (
            "jarvis" if '"lattice_mat"' in text else "pymatgen" if '"sites"' in text and '"lattice"' in text else None
        )
    return "cif" if "_cell_length_a" in text else None


def _mistyped(seen: _Seen) -> Iterator[tuple[int, str, str]]:
    """Yield row and text of formulas that cannot be read or look mistyped, and what they may be meant for."""
    _, unread = canonical_forms(seen.texts)
    for text, row in seen.first.items():
        meant = suggestions(text) if text in unread else [suspicious(text)]
        if meant and meant[0]:
            yield row, text, meant[0]


def _repeated(seen: _Seen) -> int:
    """Return how many rows have a composition that another row has too."""
    forms, _ = canonical_forms(seen.texts)
    counts: Counter[str] = Counter()
    for text, form in forms.items():
        counts[form] += seen.texts[text]
    return sum(count for count in counts.values() if count > 1)
