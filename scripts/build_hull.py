"""Compute the convex hull of a curated dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.provenance.environment import start_job
from elemflow.stability.phases import build_hull

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    build_hull(Path(smk.input.materials), cfg["property"], cfg["source"], Path(smk.output.hull))
    write_record(smk.output.record, smk.params, inputs=[smk.input.materials], outputs=[smk.output.hull])


if __name__ == "__main__":
    main(snakemake)
