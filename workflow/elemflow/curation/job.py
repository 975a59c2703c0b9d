"""One curation: the dataset, its raw files and the four files that it writes."""

from dataclasses import dataclass
from pathlib import Path

from elemflow.config.dataset import Dataset


@dataclass(frozen=True)
class CurationJob:
    """What one dataset is curated from and to.

    Attributes:
        dataset_id: Name of the dataset.
        dataset: Its columns, properties, filters and the rule that leaves one material per composition.
        raw_folder: Where the retrieve stage put the files.
        entries: Output; all rows that were read, in the order of the source: `row`, `entry_id`, `formula`,
            `composition`, `structure_type` (where there are types), the columns of `columns.splits`, properties,
            `structure` (where the dataset has them).
        materials: Output; one row per material, sorted: `material_id` (the composition; under `keep: structures` and
            `keep: all` composition, `#` and `entry_id`), `composition`, `entry_id`, `n_entries`, and the rest as in
            `entries`.
        rejected: Output; `row` (of the source, from 1), `entry_id`, `formula`, `stage`, `reason` of every dropped row,
            stage by stage.
        report: Output; the number of rows after every step as JSON.
    """

    dataset_id: str
    dataset: Dataset
    raw_folder: Path
    entries: Path
    materials: Path
    rejected: Path
    report: Path
