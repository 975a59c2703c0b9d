"""The commented YAML files that `elemflow new` writes."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elemflow.curation.propose import Column, Proposal

ENERGY = re.compile(r"energ|enthalp|hull|form_e|e_form|hform|^d?hf$", re.IGNORECASE)
"""Names of properties of which the lowest value decides among the phases of a composition."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_RESERVED = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
COMMENT_COLUMN = 60


def dataset_text(table: str, found: "Proposal", *, title: str, licence: str, keep: str | None) -> str:
    """Return the file of a dataset.

    Args:
        table: Path of its table, as the configuration names it.
        found: Columns of the table, with units.
        title: Title in captions.
        licence: Licence of the data.
        keep: Rule for rows of one composition; None proposes one.
    """
    return "\n".join(_dataset_lines(table, found, title, licence, keep)) + "\n"


def _dataset_lines(table: str, found: "Proposal", title: str, licence: str, keep: str | None) -> Iterator[str]:
    yield "# A dataset: where its rows come from, and how they become one per material."
    yield "# All keys: docs/reference/configuration.md"
    yield f"title: {quoted(title)}"
    yield _commented(f"license: {quoted(licence)}", "shown in captions")
    yield "# version: state of the data, as its makers name it"
    yield "# citation: [keys of resources/published/references.bib]"
    yield "source:"
    yield "  kind: table"
    yield _commented(f"  path: {quoted(table)}", "from data_folder, or the folder of the project")
    if found.layout.separator != ",":
        yield f"  separator: {json.dumps(found.layout.separator)}"
    if found.decimal == ",":
        yield f"  decimal: {json.dumps(found.decimal)}"
    if found.long:
        columns = f"{{name: {quoted(found.long.name)}, value: {quoted(found.long.value)}}}"
        yield _commented(f"  long: {columns}", "a value per row; each name is a column")
    if found.files:
        yield _commented(f"  structures: {quoted(found.files)}", "a file per row")
    yield "columns:"
    formula = next(iter(found.formulas), None)
    others = [name for name in found.formulas if name != formula]
    if formula:
        yield _commented(f"  formula: {quoted(formula)}", f"also possible: {', '.join(others)}" if others else "")
    if found.entry_id:
        yield f"  entry_id: {quoted(found.entry_id)}"
    if found.structure:
        column, form = found.structure
        if formula and not found.files:
            yield "  # For representations of crystal structures:"
        off = "# " if formula and not found.files else ""
        yield f"  {off}structure: {{column: {quoted(column)}, format: {form}}}"
    yield "properties:"
    for each in found.numbers:
        yield from _property_lines(each)
    yield "# Conditions that rows must meet, before one per composition is chosen:"
    yield "# filters:"
    first = found.numbers[0].property_id
    yield f"#   - {{kind: range, property: {first}, minimum: -10, maximum: 10}}"
    yield from _keep_lines(found, keep)


def _property_lines(column: "Column") -> Iterator[str]:
    yield f"  {column.property_id}:"
    yield f"    column: {quoted(column.name)}"
    yield f"    unit: {quoted(str(column.unit))}"
    yield f"    title: {quoted(column.property_id.replace('_', ' ').capitalize())}"
    if column.missing:
        yield _commented(f"    missing: [{', '.join(map(json.dumps, column.missing))}]", "words for no value")
    if column.others:
        row, text = column.others[0]
        shown = json.dumps(text, ensure_ascii=False)
        yield f"    # Row {row} has {shown}, which is no number; lenient drops such values."
        yield "    parse: lenient"
    yield "    # minimum: 0   # if the property cannot be lower"


def _keep_lines(found: "Proposal", keep: str | None) -> Iterator[str]:
    """Yield the rule for rows of one composition, with the reason for the proposal."""
    energies = [column.property_id for column in found.numbers if ENERGY.search(column.property_id)]
    deciding = (energies or [found.numbers[0].property_id])[0]
    rule = keep or ("lowest" if energies and not found.long else "median")
    if found.long:
        yield "# The median joins the properties of a composition, each of which has rows of its own."
        yield f"keep: {{rule: {rule}{f', property: {deciding}' if rule == 'lowest' else ''}}}"
        return
    yield f"# {found.repeated:,} rows share their composition with another row. lowest: the most stable phase;"
    yield "# median: of repeated measurements; first: the first row; all: each row is a material."
    yield f"keep: {{rule: {rule}{f', property: {deciding}' if rule == 'lowest' else ''}}}"


def study_text(study: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """Return the file of a study.

    Args:
        study: Id of the study.
        rows: Dataset, property and label of each row of its tables.
    """
    return "\n".join(_study_lines(study, rows)) + "\n"


def _study_lines(study: str, rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    yield "# A study: each crossing of a row with a column is a run. All keys: docs/reference/studies.md"
    yield f"title: {quoted(study)}"
    yield "reference: unpublished"
    yield _commented(
        "defaults: {representation: ef}", "elements alone; ef+pa adds Magpie attributes, st+pa+ef structures"
    )
    yield "tables:"
    yield "  errors:"
    yield "    title: Mean absolute error on test materials"
    yield "    columns: &columns"
    yield "      - {label: BRNet by the recipe, model: brnet_recommended, protocol: recommended}"
    yield "      - {label: extra trees, model: extra_trees, protocol: recommended_one_model}"
    yield "    rows: &rows"
    for dataset, property_id, label in rows:
        yield f"      - {{label: {quoted(label)}, dataset: {dataset}, property: {property_id}}}"
    yield "figures:"
    yield "  parity:"
    yield "    title: Prediction against reference"
    yield "    kind: parity"
    yield "    rows: *rows"
    yield "    columns: *columns"
    yield "  calibration:"
    yield "    title: Coverage of the intervals"
    yield "    kind: calibration"
    yield "    rows: *rows"
    yield "    columns:"
    yield "      - {label: BRNet by the recipe, model: brnet_recommended, protocol: recommended}"


def quoted(text: str) -> str:
    """Return a text as YAML, without quotes where it needs none."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    return text if plain else json.dumps(text, ensure_ascii=False)


def _commented(text: str, comment: str) -> str:
    return f"{text:<{COMMENT_COLUMN}}# {comment}" if comment else text
