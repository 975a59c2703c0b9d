"""Fetch the raw files of one dataset, verify them and write their manifest."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.config.dataset import Source
from elemflow.provenance.environment import start_job
from elemflow.sources.retrieve import retrieve

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    source = Source.model_validate(smk.params.cfg["source"])
    if smk.input:  # where a storage has it, the copy that the job got
        source = source.model_copy(update={"path": str(smk.input[0])})
    # From the config and not from the parameters: the data are the same from a mirror, so that nothing reruns.
    mirror = smk.config.get("mirror")
    retrieve(smk.wildcards.dataset, source, Path(smk.output.manifest).parent, mirror)


if __name__ == "__main__":
    main(snakemake)
