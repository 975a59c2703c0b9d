"""Compute the permutation importance of every input of one run."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.inference.importance import Permutations, write_importance
from elemflow.provenance.environment import start_job
from elemflow.training.backend import Backend

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    write_importance(
        [Path(path) for path in smk.input.features],
        Path(smk.input.predictions),
        Path(smk.input.model),
        Path(smk.output.importance),
        Permutations(**smk.params.cfg),
        Backend(smk.threads),
    )
    write_record(
        smk.output.record,
        smk.params,
        inputs=[*smk.input.features, smk.input.predictions, smk.input.model],
        outputs=[smk.output.importance],
    )


if __name__ == "__main__":
    main(snakemake)
