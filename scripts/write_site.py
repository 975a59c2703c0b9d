"""Write the site of a build: an overview, a page per study and per run, and the list of all cells."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.plan.site import SiteInputs
from elemflow.provenance.environment import start_job
from elemflow.reporting.site.build import write_site

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    write_site(SiteInputs.model_validate(smk.params.cfg), Path(smk.output.index), Path(smk.output.pages))


if __name__ == "__main__":
    main(snakemake)
