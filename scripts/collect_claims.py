"""Gather the claims of all studies on one page and in one csv."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.run import Run
from elemflow.plan.claims import PlannedClaims
from elemflow.provenance.environment import start_job
from elemflow.reporting.claims_page import write_claims_index

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    files = iter(smk.input.csv)
    planned = [PlannedClaims.model_validate(cfg) for cfg in smk.params.cfg["studies"]]
    studies = [(claims, {table: next(files) for table in claims.tables}) for claims in planned]
    runs = {Run.of_folder(Path(path).parent).path: Path(path).parent for path in smk.input.predictions}
    write_claims_index(Path(smk.output[0]), studies, runs)


if __name__ == "__main__":
    main(snakemake)
