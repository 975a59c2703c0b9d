"""Gather all tables in one folder: an index page and one csv of every cell."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.plan.items import PlannedTable
from elemflow.provenance.environment import start_job
from elemflow.reporting.index import TableFiles, write_tables_index

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    planned = zip(smk.params.cfg["tables"], smk.input.csv, smk.input.html, strict=True)
    tables = [TableFiles(PlannedTable.model_validate(cfg), csv, html) for cfg, csv, html in planned]
    write_tables_index(Path(smk.output[0]), tables)


if __name__ == "__main__":
    main(snakemake)
