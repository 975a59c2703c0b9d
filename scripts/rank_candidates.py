"""Rank hypothetical compounds by the predictions of one run."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.inference.candidates import rank_candidates
from elemflow.provenance.environment import start_job
from elemflow.training.fine_tuning import PretrainingFiles

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    rank_candidates(
        Path(smk.input.candidates),
        [Path(path) for path in smk.input.features],
        Path(smk.input.known),
        Path(smk.input.split),
        Path(smk.input.model),
        Path(smk.input.run_info),
        {name: Path(path) for name, path in smk.output.items()},
        pretrained=PretrainingFiles(*map(Path, smk.input.pretrained)) if smk.input.pretrained else None,
        **smk.params.cfg,
        threads=smk.threads,
    )


if __name__ == "__main__":
    main(snakemake)
