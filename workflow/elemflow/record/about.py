"""What captions say of the data of a recorded run: title, version, licence and citation of what it was trained on."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from elemflow.config.load import Settings
from elemflow.core.errors import DataError
from elemflow.core.evidence import ABOUT, find_folders
from elemflow.core.files import read_json, write_json
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.plan.describe import about_dataset
from elemflow.record.cells import Planned


def write_about(results: Path, run: Run, folder: Path, planned: Sequence[Planned]) -> None:
    """Write `about.json` of a recorded run: the dataset as the configuration describes it that read these raw files.

    Args:
        results: Folder of results; `resources/raw` lies next to it.
        run: The run.
        folder: Its folder in the record.
        planned: The papers' studies, from each source of their data.

    Raises:
        DataError: The manifest of its raw files is missing, or no configuration reads such a source.
    """
    manifest = results.parent / paths.MANIFEST.format(dataset=run.dataset)
    if not manifest.is_file():
        raise DataError(f"{manifest} is missing: what {run.path} was trained on is not known.")
    source = read_json(manifest).get("source")
    for each in planned if source else ():
        if run.dataset in each.settings.datasets and _is_source(each.settings, run.dataset, source):
            about = about_dataset(each.settings, run.dataset)
            write_json(folder / ABOUT, about.model_dump(mode="json", exclude={"published_size"}))
            return
    raise DataError(f"{manifest}: no configuration of the papers' studies reads {run.dataset} from such a source.")


def fill_about(results: Path, record: Path, planned: Sequence[Planned]) -> Iterator[str]:
    """Write `about.json` of recorded runs that lack it, as far as a folder of results has their raw files; yield them.

    Args:
        results: Folder of results.
        record: Folder of the record.
        planned: The papers' studies, from each source of their data.
    """
    for path, folder in find_folders(record).items():
        if not (folder / ABOUT).is_file():
            try:
                write_about(results, Run.parse(path), folder, planned)
            except DataError:
                continue
            yield path


def _is_source(settings: Settings, dataset: str, found: Mapping[str, Any]) -> bool:
    """Return whether a dataset is read from a source of the kind and name that a manifest has."""
    declared = settings.datasets[dataset].source.model_dump(mode="json")
    if declared["kind"] != found.get("kind") or declared.get("name") != found.get("name"):
        return False
    return Path(declared.get("path") or "").name == Path(found.get("path") or "").name
