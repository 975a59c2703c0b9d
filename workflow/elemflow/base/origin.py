"""What a fine-tuning starts from: its name, SHA-256, and the data that its networks were trained on."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from elemflow.base.card import CARD_JSON
from elemflow.core.archive import read_members
from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file
from elemflow.core.run import Run
from elemflow.inference.exported import dataset_facts
from elemflow.multitask.from_run import CONFIG

REFERENCES = "references.bib"
"""Member with what to cite."""


class Origin(NamedTuple):
    """What a fine-tuning starts from.

    Attributes:
        name: Name of the base, or path of the run.
        sha256: SHA-256 of the file; of a run, that of the list of the SHA-256 of its files.
        datasets: Title, version, licence and keys of citations of its data, by dataset, as far as they are known.
        bibliography: BibTeX of the citations; empty if it has none.
        tables: SHA-256 of the tables that it was itself fine-tuned on, the first ones first.
    """

    name: str
    sha256: str
    datasets: Mapping[str, Mapping[str, Any]]
    bibliography: str = ""
    tables: tuple[str, ...] = ()


def origin_of_file(path: Path, name: str) -> Origin:
    """Return what a base, an exported run or a fine-tuned predictor says of itself.

    Args:
        path: The file.
        name: Its name.

    Raises:
        DataError: The file is damaged or has been changed, or its card is none.
    """
    _, members = read_members(path, everything=True)
    try:
        card = json.loads(members.get(CARD_JSON, b"{}"))
        datasets = {card["run"]["dataset"]: card.get("dataset", {})} if "run" in card else card.get("datasets", {})
        tables = [*card.get("base", {}).get("tables", []), *([card["table"]["sha256"]] if "table" in card else [])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: its {CARD_JSON} cannot be read ({error!r}). Get the file again.") from None
    return Origin(name, sha256_file(path), datasets, members.get(REFERENCES, b"").decode(), tuple(tables))


def origin_of_run(folder: Path, name: str, bibliography: str) -> Origin:
    """Return what a run's folder says of itself.

    Args:
        folder: Folder of the run.
        name: Its name.
        bibliography: BibTeX of what to cite.
    """
    files = sorted(path for path in (folder / CONFIG).parent.iterdir() if not path.name.startswith("."))
    listed = "".join(f"{sha256_file(path)}  {path.name}\n" for path in files)
    datasets = {Run.of_folder(folder.absolute()).dataset: dataset_facts(folder)}
    return Origin(name, hashlib.sha256(listed.encode()).hexdigest(), datasets, bibliography)
