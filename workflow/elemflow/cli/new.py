"""`elemflow new`: a dataset from a table, and a study of datasets."""

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from elemflow.curation.dry_run import DryRun
    from elemflow.curation.propose import Column, Proposal

DATASETS, STUDIES = Path("config/datasets"), Path("config/studies")
KEEP = ("lowest", "median", "first", "all")
MOST_LEFT_OUT = 10
"""Most columns that are shown as left out."""
ID = re.compile(r"[a-z0-9_]+")


@click.group()
def new() -> None:
    """Write a commented YAML file for a dataset or a study of your own."""


@new.command()
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--id", "dataset_id", help="Id of the dataset. Default: the name of the table.")
@click.option("--formula", help="Column of the formulas. Default: the one that looks like it.")
@click.option(
    "--structures",
    metavar="PATTERN",
    help="Files of the crystal structures (CIF, POSCAR, extended XYZ), with columns of the table in braces, such as "
    "'cifs/{id}.cif'. The formulas are those of the structures, if no column has any.",
)
@click.option("--property", "properties", multiple=True, help="Column of a property. Default: every column of numbers.")
@click.option(
    "--unit", "units", multiple=True, metavar="COLUMN=UNIT", help="Unit of a property, such as Eg=eV; 1 for none."
)
@click.option("--keep", type=click.Choice(KEEP), help="What becomes of several rows of one composition.")
@click.option("--title", help="Title in captions. Default: the id.")
@click.option("--license", "licence", default="not stated", show_default=True, help="Licence of the data.")
@click.option("--dry-run", is_flag=True, help="Print the file and write nothing.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def dataset(
    *,
    table: Path,
    dataset_id: str | None,
    formula: str | None,
    structures: str | None,
    properties: Sequence[str],
    units: Sequence[str],
    keep: str | None,
    title: str | None,
    licence: str,
    dry_run: bool,
    force: bool,
) -> None:
    """Make TABLE a dataset: propose its columns, write config/datasets/ID.yaml, and curate it once to see the rows.

    \b
    elemflow new dataset alloys.csv --unit Hf=eV/atom
    elemflow new dataset gaps.xlsx --formula compound --property "Eg (eV)" --keep median
    elemflow new dataset perovskites.csv --structures "cifs/{id}.cif"

    The curation leaves no files. It prints the funnel, the first rejected rows and the most extreme values.
    """
    from elemflow.cli.dataset_file import dataset_text
    from elemflow.curation.propose import id_of, propose, with_structure_files

    given = _by_column(units)
    found = _as_long(propose(table, [*properties, *given]), properties, given)
    if structures:
        found = with_structure_files(found, structures, _from_data_folder(Path(structures)))
    name = _checked_id(dataset_id or id_of(table.name.split(".")[0]))
    chosen = _chosen(found, formula, properties, given)
    for line in _described(found, chosen, formula):
        click.echo(line)
    text = dataset_text(_from_data_folder(table), chosen, title=title or name, licence=licence, keep=keep)
    if dry_run:
        click.echo(f"\n{text}", nl=False)
        return
    file = _write(DATASETS / f"{name}.yaml", text, force=force)
    click.echo(f"\nwritten: {file}\n")
    _curate(name)
    click.echo(f"\nNext: elemflow new study {name}")


@new.command()
@click.argument("datasets", nargs=-1, required=True)
@click.option("--id", "study_id", help="Id of the study. Default: the first dataset.")
@click.option("--property", "properties", multiple=True, help="Properties. Default: all of the datasets.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def study(*, datasets: Sequence[str], study_id: str | None, properties: Sequence[str], force: bool) -> None:
    """Write config/studies/ID.yaml: a table with the recipe and a forest, parity and calibration, for DATASETS.

    \b
    elemflow new study alloys
    snakemake --cores 2 --config 'studies=[alloys]'
    """
    from elemflow.cli.dataset_file import study_text
    from elemflow.cli.project import load_to_extend, load_workflow
    from elemflow.core.errors import ConfigError, nearest

    known = load_to_extend().settings.datasets
    rows = []
    for name in datasets:
        if name not in known:
            raise ConfigError(
                f"no dataset '{name}' in {DATASETS}.{nearest(name, known)} Write one: elemflow new dataset."
            )
        found = known[name].properties
        if unknown := [each for each in properties if len(datasets) == 1 and each not in found]:
            raise ConfigError(f"{DATASETS}/{name}.yaml: no property '{unknown[0]}'.{nearest(unknown[0], found)}")
        rows += [
            (name, each, _label(spec.title or each, spec.unit))
            for each, spec in found.items()
            if each in (properties or found)
        ]
    study_name = _checked_id(study_id or datasets[0])
    file = _write(STUDIES / f"{study_name}.yaml", study_text(study_name, rows), force=force)
    runs = len(load_workflow([study_name]).plan.runs)
    click.echo(f"written: {file} ({runs} runs)\n\nNext: elemflow cost {study_name}")
    click.echo(f"      snakemake --cores 2 --config 'studies=[{study_name}]'")


def _label(title: str, unit: str) -> str:
    """Return a title with its unit in brackets."""
    return title if unit == "1" or title.endswith((f"({unit})", f"[{unit}]")) else f"{title} ({unit})"


def _from_data_folder(table: Path) -> str:
    """Return the path of a table as the configuration names it."""
    from elemflow.cli.project import load_to_extend

    base = load_to_extend().settings.data_folder.resolve()
    path = table.resolve()
    return str(path.relative_to(base) if path.is_relative_to(base) else path)


def _checked_id(name: str) -> str:
    if not ID.fullmatch(name):
        raise click.UsageError(f"'{name}': an id has lower-case letters, digits and _ only; give --id.")
    return name


def _by_column(units: Sequence[str]) -> dict[str, str]:
    """Return the units by column."""
    found = {}
    for text in units:
        column, equals, unit = text.rpartition("=")
        if not equals or not column or not unit:
            raise click.UsageError(f"--unit '{text}': write COLUMN=UNIT, such as Eg=eV, or Eg=1 for none.")
        found[column] = unit
    return found


def _as_long(found: "Proposal", properties: Sequence[str], units: Mapping[str, str]) -> "Proposal":
    """Return the proposal with the properties of a long table, unless its values are chosen as one property."""
    if found.long is None or found.long.value in properties:
        return replace(found, long=None)
    name, value, numbers = found.long.name, found.long.value, found.long.numbers
    if value in units:
        given = " ".join(f"--unit '{each.name}=UNIT'" for each in numbers)
        raise click.UsageError(
            f"column '{value}' has values of several properties, which column '{name}' names; give {given}, or "
            f"--property {value} if it is one property."
        )
    others = [each.name for each in found.numbers if each.name != value]
    left_out = {each: why for each, why in found.left_out.items() if each != name}
    return replace(
        found, numbers=numbers, left_out=left_out | dict.fromkeys(others, f"column '{name}' names properties")
    )


def _chosen(found: "Proposal", formula: str | None, properties: Sequence[str], units: Mapping[str, str]) -> "Proposal":
    """Return the proposal with the columns and units that the user chose."""
    from elemflow.core.errors import nearest
    from elemflow.curation.propose import NO_NUMBERS

    known = dict.fromkeys([*found.columns, *(each.name for each in found.numbers)])
    for name in [*filter(None, [formula]), *properties, *units]:
        if name not in known:
            raise click.UsageError(f"no column '{name}'.{nearest(name, known)} Columns: {', '.join(known)}.")
    if formula:
        found = replace(found, formulas={formula: found.formulas.get(formula, 0.0)})
    if not (found.formulas or found.structure):
        raise click.UsageError(
            f"no column has formulas; name it with --formula, or files of crystal structures with --structures "
            f"'cifs/{{{found.columns[0]}}}.cif'. Columns: {', '.join(found.columns)}."
        )
    column = next(iter(found.formulas), None)
    numbers = [each for each in found.numbers if each.name in (properties or known) and each.name != column]
    absent = [name for name in properties if name not in {each.name for each in numbers}]
    absent += [name for name in units if name not in {each.name for each in found.numbers}]
    advice = {name: why for name, why in found.left_out.items() if why.startswith(f"{NO_NUMBERS}:")}
    if absent:
        why = advice.get(absent[0], NO_NUMBERS)
        raise click.UsageError(f"column '{absent[0]}' has {why}. Those of numbers: {_names(found.numbers)}.")
    if not numbers:
        whys = "".join(f" Column '{name}' has {why}." for name, why in advice.items())
        raise click.UsageError(f"no column has numbers. Columns: {', '.join(found.columns)}.{whys}")
    return replace(found, numbers=_with_units(numbers, units))


def _with_units(numbers: Sequence["Column"], units: Mapping[str, str]) -> list["Column"]:
    """Return columns with their units: given, in their names, or asked for in a terminal."""
    done = []
    lacking = [each.name for each in numbers if not (units.get(each.name) or each.unit)]
    if lacking and not sys.stdin.isatty():
        given = " ".join(f"--unit '{name}=UNIT'" for name in lacking)
        raise click.UsageError(
            f"the units are not known; give {given} (1 for none), or choose columns with --property."
        )
    for each in numbers:
        unit = units.get(each.name) or each.unit or click.prompt(f"unit of '{each.name}' (1 for none)", type=str)
        _check_unit(each.name, unit)
        done.append(replace(each, unit=unit))
    return done


def _check_unit(column: str, unit: str) -> None:
    """Refuse a unit that differs by its case alone from one that other datasets have, and note one that none has."""
    from elemflow.cli.project import load_to_extend

    datasets = load_to_extend().settings.datasets.values()
    known = {spec.unit for dataset in datasets for spec in dataset.properties.values()}
    meant = [other for other in known if other.casefold() == unit.casefold()]
    if meant and unit not in known:
        raise click.UsageError(f"column '{column}': unit '{unit}'; did you mean '{meant[0]}'? Give --unit.")
    near = difflib.get_close_matches(unit, sorted(known), n=1, cutoff=0.75)
    if near and unit not in known:
        click.echo(f"unit '{unit}' of '{column}': no other dataset has it; did you mean '{near[0]}'?", err=True)


def _described(found: "Proposal", chosen: "Proposal", formula: str | None) -> list[str]:
    """Return what the table seems to be, as lines."""
    lines = [f"{chosen.rows:,} rows, columns: {', '.join(found.columns)}"]
    column, share = next(iter(chosen.formulas.items()), (None, 0.0))
    others = [name for name in found.formulas if name != column]
    hint = f"; also possible: {', '.join(others)}" if others and not formula else ""
    if column:
        lines.append(f"formulas: {column} ({100 * share:.0f} % of its distinct cells can be read){hint}")
    else:
        lines.append("formulas: those of the crystal structures")
    if chosen.structure:
        place, form = chosen.structure
        lines.append(f"structures: {form} from {chosen.files or place}")
    for each in chosen.numbers:
        lines.append(f"property: {each.property_id} [{each.unit}] from {each.name}, {each.filled:,} numbers")
        lines += [f"  row {row}: '{text}' is no number" for row, text in each.others]
    if found.long:
        lines.append(f"long table: column {found.long.name} names the property of each row, {found.long.value} has it")
    if found.left_out:
        reasons = [f"{name or 'the first column'} ({why})" for name, why in found.left_out.items()]
        more = f" and {len(reasons) - MOST_LEFT_OUT} more" if len(reasons) > MOST_LEFT_OUT else ""
        lines.append(f"left out: {', '.join(reasons[:MOST_LEFT_OUT])}{more}; --property takes a column of numbers")
    lines += [f"row {row}: {text}: did you mean {meant}?" for row, text, meant in chosen.mistyped]
    if chosen.repeated:
        lines.append(f"{chosen.repeated:,} rows share their composition with another row")
    return lines


def _names(columns: Sequence["Column"]) -> str:
    return ", ".join(each.name for each in columns) or "none"


def _write(file: Path, text: str, *, force: bool) -> Path:
    """Write a file of the configuration that the whole configuration can be read with."""
    from elemflow.cli.project import load_to_extend
    from elemflow.core.errors import ConfigError
    from elemflow.core.files import write_text
    from elemflow.core.places import ROOT

    before = file.read_text(encoding="utf-8") if file.exists() else None
    if before is not None and not force:
        raise ConfigError(f"{file} exists. Give another --id, or replace it with --force.")
    if before is None and (ROOT / file).exists() and not force:
        raise ConfigError(f"{file} comes with elemflow. Give another --id, or take its place with --force.")
    write_text(file, text)
    try:
        load_to_extend()
    except ConfigError:
        if before is None:
            file.unlink()
        else:
            write_text(file, before)
        raise
    return file


def _curate(name: str) -> None:
    """Curate a dataset and print what became of its rows."""
    from elemflow.cli.project import load_to_extend
    from elemflow.core.errors import DataError
    from elemflow.curation.dry_run import curate_dry

    settings = load_to_extend().settings
    try:
        done = curate_dry(name, settings.datasets[name].with_local_files(settings.data_folder))
    except DataError as error:
        raise DataError(
            f"{error}\nEdit {DATASETS / name}.yaml, then: elemflow check, or make the file again."
        ) from None
    for line in _funnel(done):
        click.echo(line)


def _funnel(done: "DryRun") -> list[str]:
    """Return the funnel, rejected rows, extreme values and warnings as lines."""
    from elemflow.cli.terminal import aligned

    steps = [[step["step"], f"{step['rows']}", f"{step.get('dropped', 0)}"] for step in done.report["steps"]]
    lines = [aligned(["step", "rows", "dropped"], steps)]
    if len(done.rejected):
        cells = [[str(cell) for cell in row] for row in done.rejected.itertuples(index=False)]
        lines += ["", "first rejected rows:", aligned(list(done.rejected.columns), cells)]
    extreme = [
        [str(row[0]), str(row[1]), str(row[2]), f"{row[3]:.6g}", f"{row[4]:.1f}"]
        for row in done.extreme.itertuples(index=False)
    ]
    lines += ["", "values farthest from the median, in robust standard deviations:"]
    lines.append(aligned(list(done.extreme.columns), extreme))
    return [*lines, *(["", *done.warnings] if done.warnings else [])]
