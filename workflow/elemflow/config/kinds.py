"""Names that config files may use, and the module behind each.

Modules are found here and imported by the job that needs one, so that reading the plan stays light: their texts are
searched for a statement. The names do not enter code digests: the module behind a name is digested in its own right,
and a new name must not rerun old jobs.

Each kind is declared in its module: adding one is adding one file.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

from elemflow.core.errors import ConfigError, nearest


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure, as its module below elemflow/reporting/figures/kinds/ declares it.

    Attributes:
        description: What it draws, for the reference of the configuration.
        inputs: Files of a run that it reads besides metrics.json.
        without_runs: Whether it draws datasets instead of runs.
        of_models: Whether it draws networks, which need neither runs nor datasets; `without_runs` too.
        needs_property: Whether each dataset needs a property; read only without runs.
        reads_materials: Whether it reads the materials of its datasets.
        reads_splits: Whether it reads the splits of its runs.
        protocol_needs: Key that its protocols must switch on; empty if there is none.
        cell_key: Key of cells that not every kind reads; empty if there is none.
    """

    description: str
    inputs: tuple[str, ...] = ()
    without_runs: bool = False
    of_models: bool = False
    needs_property: bool = False
    reads_materials: bool = False
    reads_splits: bool = False
    protocol_needs: str = ""
    cell_key: str = ""


@dataclass(frozen=True)
class TableKind:
    """A kind of table, as its module below elemflow/reporting/tables/kinds/ declares it.

    Attributes:
        description: What it shows, for the reference of the configuration.
        overview: Name of the csv with the lines of all tables of the kind.
        overview_title: What that csv holds.
        inputs: Files of a run that it reads besides metrics.json.
        without_runs: Whether it shows datasets instead of runs.
        of_models: Whether it shows networks, which need neither runs nor datasets; `without_runs` too.
        needs_property: Whether each dataset needs a property; read only without runs.
        protocol_needs: Key that its protocols must switch on; empty if there is none.
        cell_key: Key of cells that not every kind reads; empty if there is none.
    """

    description: str
    overview: str
    overview_title: str
    inputs: tuple[str, ...] = ()
    without_runs: bool = False
    of_models: bool = False
    needs_property: bool = False
    protocol_needs: str = ""
    cell_key: str = ""


@dataclass(frozen=True)
class PartText:
    """A part of a representation, as two statements of its module below elemflow/features/ declare it.

    Attributes:
        module: Name of the module.
        scaling: Value of `SCALING`, the scaling where a protocol names none; None if it has no such statement.
    """

    module: str
    scaling: str | None


PACKAGE = Path(__file__).resolve().parents[1]
FIGURE_MODULES = "elemflow.reporting.figures.kinds"
TABLE_MODULES = "elemflow.reporting.tables.kinds"

_Kind = TypeVar("_Kind", FigureKind, TableKind)
_DECLARATION = re.compile(r"^KIND = \w+\((?:[^\n]+\)|\n.*?^\))$", re.MULTILINE | re.DOTALL)


def read_kinds(modules: str, declared: type[_Kind], package: Path = PACKAGE) -> dict[str, _Kind]:
    """Read the kinds that the modules of a package declare, without importing them.

    The modules import matplotlib and pandas, which the plan does not need. Each has a statement
    `KIND = FigureKind(...)`, or `TableKind`, whose keyword arguments are literals.

    Args:
        modules: Name of the package.
        declared: Class of the declarations.
        package: Folder of elemflow.

    Returns:
        The declarations by the names of their modules, sorted.

    Raises:
        ConfigError: A module lacks a declaration that can be read.
    """
    folder = package.joinpath(*modules.split(".")[1:])
    paths = sorted(path for path in folder.glob("*.py") if path.stem != "__init__")
    return {path.stem: _read_kind(path, declared) for path in paths}


def _read_kind(path: Path, declared: type[_Kind]) -> _Kind:
    # Only the statement is parsed: the whole files would take a tenth of a second in every job.
    found = _DECLARATION.search(path.read_text(encoding="utf-8"))
    try:
        call = ast.parse(found.group().removeprefix("KIND = "), mode="eval").body if found else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == declared.__name__:
            return declared(**{str(key.arg): ast.literal_eval(key.value) for key in call.keywords})
    except (SyntaxError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: the statement `KIND = {declared.__name__}(...)` cannot be read: {error}.") from None
    raise ConfigError(
        f"{path}: no statement `KIND = {declared.__name__}(...)` with literal arguments at the beginning of a line."
    )


@dataclass(frozen=True)
class ClaimKindText:
    """What a kind of claim checks, from the docstring of its module below elemflow/plan/claim_kinds/."""

    description: str


def read_claim_kinds(package: Path = PACKAGE) -> dict[str, ClaimKindText]:
    """Read the kinds of claim from their modules, without importing them."""
    texts = {
        path.stem: path.read_text(encoding="utf-8") for path in sorted((package / "plan/claim_kinds").glob("*.py"))
    }
    return {
        name: ClaimKindText(text.removeprefix('"""').split('"""')[0].strip())
        for name, text in texts.items()
        if "\nKIND = " in text
    }


FIGURE_KINDS = read_kinds(FIGURE_MODULES, FigureKind)
TABLE_KINDS = read_kinds(TABLE_MODULES, TableKind)
# Views of the two for those that look up one fact.
_ITEM_KINDS: dict[str, FigureKind | TableKind] = {**FIGURE_KINDS, **TABLE_KINDS}
FIGURES = {name: f"{FIGURE_MODULES}.{name}" for name, kind in FIGURE_KINDS.items() if not kind.without_runs}
DATA_FIGURES = {name: f"{FIGURE_MODULES}.{name}" for name, kind in FIGURE_KINDS.items() if kind.without_runs}
FIGURE_INPUTS = {name: FIGURE_KINDS[name].inputs for name in FIGURES}
WITHOUT_RUNS = tuple(name for name, kind in _ITEM_KINDS.items() if kind.without_runs)
OF_MODELS = tuple(name for name, kind in _ITEM_KINDS.items() if kind.of_models)
NEEDS_PROPERTY = tuple(name for name, kind in _ITEM_KINDS.items() if kind.needs_property)
READS_MATERIALS = tuple(name for name, kind in FIGURE_KINDS.items() if kind.reads_materials)
READS_SPLITS = tuple(name for name, kind in FIGURE_KINDS.items() if kind.reads_splits)
TABLES = {name: f"{TABLE_MODULES}.{name}" for name in TABLE_KINDS}
TABLE_INPUTS = {name: kind.inputs for name, kind in TABLE_KINDS.items()}
CELL_KEYS = {name: kind.cell_key for name, kind in _ITEM_KINDS.items() if kind.cell_key}
PROTOCOL_NEEDS = {name: kind.protocol_needs for name, kind in _ITEM_KINDS.items() if kind.protocol_needs}

ScalingKind = Literal["none", "standard", "quantile", "unit_rows"]
PART_FOLDERS = ("features", "multitask")
"""Folders with modules of parts; those of pre-trained networks lie with the networks."""
_STATEMENT = r"""^{}\s*=\s*(["'])(\w+)\1"""


def read_parts(package: Path = PACKAGE) -> dict[str, PartText]:
    """Read the parts of representations from their modules, without importing them; sorted by name.

    A module of a part has statements such as `PART = "ef"` and `SCALING = "none"`.
    """
    found = {}
    for path in sorted(path for folder in PART_FOLDERS for path in (package / folder).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        part, scaling = (re.search(_STATEMENT.format(name), text, re.MULTILINE) for name in ("PART", "SCALING"))
        if part:
            found[part[2]] = PartText(f"elemflow.{path.parent.name}.{path.stem}", scaling and scaling[2])
    return dict(sorted(found.items()))


def read_modules(folder: str, mark: str, package: Path = PACKAGE) -> dict[str, str]:
    """Return the modules of a folder whose text has a mark, by their last names, sorted."""
    paths = sorted((package / folder).glob("*.py"))
    names = [path.stem for path in paths if mark in path.read_text(encoding="utf-8")]
    return {name: f"elemflow.{folder.replace('/', '.')}.{name}" for name in names}


_PARTS = read_parts()
FEATURES = {name: part.module for name, part in _PARTS.items()}
SOURCES = read_modules("sources", "\nclass Options(")
FITTERS = read_modules("training/fitters", "\nFITTER = ")


def natural_scaling(part: str) -> ScalingKind:
    """Return the scaling that a part of a representation has where a protocol names none for it.

    Raises:
        ConfigError: The module has no such statement, or names no scaling.
    """
    for kind in get_args(ScalingKind):
        if _PARTS[part].scaling == kind:
            return kind
    raise ConfigError(
        f'{FEATURES[part]}: no statement `SCALING = "..."` with one of {", ".join(get_args(ScalingKind))}.'
    )


def parts_of(representation: str) -> list[str]:
    """Return the parts of a representation such as `st+pa+ef`, in its order.

    Raises:
        ConfigError: A part is unknown or stands twice.
    """
    parts = representation.split("+")
    for part in parts:
        if part not in FEATURES:
            raise ConfigError(f"unknown part '{part}'. Known: {', '.join(FEATURES)}.{nearest(part, FEATURES)}")
        if parts.count(part) > 1:
            raise ConfigError(f"the part '{part}' stands twice.")
    return parts
