"""Write the provenance of one study as a Workflow Run RO-Crate."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.provenance.crate import CrateStudy, write_crate
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    write_crate(
        CrateStudy.from_params(smk.params.cfg),
        list(dict.fromkeys(Path(path).parent for path in smk.input.runs)),
        [Path(path) for path in smk.input.products],
        [Path(path) for path in smk.input.manifests],
        Path(smk.output.crate),
    )


if __name__ == "__main__":
    main(snakemake)
