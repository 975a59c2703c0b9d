"""Targets of the command line that no rule can make, named by the part that is wrong.

Snakemake's own message names the whole path; here it is the study that is not asked for, the table that a study does
not have, or the model that is misspelled.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from elemflow.config.pretraining import target_of
from elemflow.config.protocol import Protocol
from elemflow.core.errors import ConfigError, nearest
from elemflow.core.run import RUN_KEYS
from elemflow.plan.paths import SUFFIXES_OF_FIGURE, SUFFIXES_OF_TABLE

TAKES_FILES = (
    "--cleanup-metadata",
    "--cm",
    "--report",
    "--archive",
    "--configfile",
    "--configfiles",
    "--omit-from",
    "-O",
)
"""Options of Snakemake whose values are files, and no targets."""
OF_STUDIES = ("tables", "figures", "claims", "crate")
OF_DATA = {
    "runs": RUN_KEYS,
    "splits": ("dataset", "property", "protocol"),
    "datasets": ("dataset",),
    "features": ("dataset", "representation"),
    "candidates": ("dataset", *RUN_KEYS),
}
"""What the folders below a stage are named after; a representation may stand for one of its parts."""


SUFFIXES = {"tables": SUFFIXES_OF_TABLE, "figures": SUFFIXES_OF_FIGURE}
"""Ends of the files of an item."""
EXAMPLES = {"runs": "metrics.json", "datasets": "materials.parquet"}
"""Files in the folders below a stage that are asked for most often."""


class ProtocolIds(Collection[str]):
    """Ids of protocols: those of files, of their variations and of pre-training runs."""

    def __init__(self, protocols: Mapping[str, Protocol]):
        self._protocols = protocols

    def __contains__(self, name: object) -> bool:
        return name in self._protocols or (isinstance(name, str) and target_of(self._protocols, name) is not None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._protocols)

    def __len__(self) -> int:
        return len(self._protocols)


@dataclass(frozen=True)
class Known:
    """What targets may name.

    Attributes:
        declared: Ids of all studies in config/studies.
        selected: Ids of those that are asked for.
        items: Ids of the tables and of the figures of each selected study.
        ids: Ids of datasets, properties, parts of representations, models and protocols, by the words of `RUN_KEYS`.
    """

    declared: Collection[str]
    selected: Collection[str]
    items: Mapping[str, Mapping[str, Collection[str]]]
    ids: Mapping[str, Collection[str]]


def check_targets(arguments: Iterable[str], known: Known) -> None:
    """Refuse targets below `results` with a name that nothing has.

    Args:
        arguments: The command line; what is no file of a study, a split, a dataset or a run passes.
        known: The names.

    Raises:
        ConfigError: Names the target and the part of it, and the nearest known one.
    """
    option = ""
    for target in arguments:
        option = target if target.startswith("-") else option
        if option.partition("=")[0] in TAKES_FILES:
            continue
        top, *parts = target.rstrip("/").split("/")
        if top != "results" or len(parts) < 2:  # noqa: PLR2004  a stage, and what it is of
            continue
        stage, *names = parts
        if stage in OF_STUDIES and names[0] != "all":
            _check_study(target, stage, names, known)
        elif stage in OF_DATA:
            for key, part in zip(OF_DATA[stage], names, strict=False):
                name = part.removesuffix(".parquet").removesuffix(".rejected")
                for each in name.split("+") if key == "representation" else [name]:
                    _check_id(target, key, each, known)
            _check_file(target, stage, names)


def _check_file(target: str, stage: str, names: Sequence[str]) -> None:
    """Refuse the folder of a run or a dataset, since rules make files."""
    if stage in EXAMPLES and len(names) <= len(OF_DATA[stage]):
        rest = [f"<{key}>" for key in OF_DATA[stage][len(names) :]]
        meant = "/".join([target.rstrip("/"), *rest, EXAMPLES[stage]])
        raise ConfigError(f"{target}: this is a folder; ask for a file in it, such as {meant}.")


def _check_id(target: str, key: str, name: str, known: Known) -> None:
    try:
        found = name in known.ids[key]
    except ConfigError as error:  # a variation with a key or a value that does not exist
        raise ConfigError(f"{target}: {error}") from None
    if not found:
        raise ConfigError(f"{target}: there is no {key} '{name}'.{nearest(name, known.ids[key])}")


def _check_study(target: str, stage: str, names: list[str], known: Known) -> None:
    study, *rest = names
    if study not in known.declared:
        raise ConfigError(f"{target}: there is no study '{study}'.{nearest(study, known.declared)}")
    if study not in known.selected:
        raise ConfigError(
            f"{target}: the study '{study}' is not asked for; add --config 'studies=[{study}]', or name it under "
            f"'studies' in the configuration, which has {', '.join(known.selected)}."
        )
    items = known.items.get(stage, {}).get(study)
    item = rest[0].partition(".")[0] if rest else ""
    if items is not None and item not in {*items, "", "references", "CITATION"}:
        listed = ", ".join(items) or "none"
        raise ConfigError(
            f"{target}: the study '{study}' has no such item. Its {stage}: {listed}.{nearest(item, items)}"
        )
    if items is None:
        return
    if not item:
        listed = ", ".join(items) or "none"
        raise ConfigError(
            f"{target}: this is a folder; ask for a {stage[:-1]} in it ({listed}), or for all of the configuration by "
            f"the word {stage}."
        )
    suffix = rest[0].removeprefix(item)
    if item in items and suffix not in SUFFIXES[stage]:
        ends = ", ".join(filter(None, SUFFIXES[stage]))
        raise ConfigError(
            f"{target}: a {stage[:-1]} has no file '{suffix}'. There are {ends}, and its text without any."
        )
