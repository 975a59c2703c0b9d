"""Write the claims of one study with their verdicts."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.run import Run
from elemflow.plan.claims import PlannedClaims
from elemflow.provenance.environment import start_job
from elemflow.reporting.claims_page import write_claims

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    planned = PlannedClaims.model_validate(smk.params.cfg)
    files = zip(planned.tables, smk.input.csv, smk.input.html, strict=True)
    tables = {table: {"csv": csv, "html": html} for table, csv, html in files}
    runs = {Run.of_folder(Path(path).parent).path: Path(path).parent for path in smk.input.predictions}
    write_claims(planned, tables, runs, Path(smk.output[0]))


if __name__ == "__main__":
    main(snakemake)
