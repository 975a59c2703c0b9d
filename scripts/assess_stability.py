"""Evaluate which compounds the predicted energies of one run make stable."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.provenance.environment import start_job
from elemflow.stability.assess import Inputs, assess_run

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    predictions, materials, split = map(Path, smk.input.files)
    inputs = Inputs(
        predictions=predictions,
        materials=materials,
        split=split,
        property=smk.params.cfg["property"],
        members_per_split=smk.params.cfg["members_per_split"],
        nested=Path(smk.input.nested[0]) if smk.input.nested else None,
    )
    assess_run(inputs, Path(smk.output.table), Path(smk.output.report))
    write_record(
        smk.output.record,
        smk.params,
        inputs=[*smk.input.files, *smk.input.nested],
        outputs=[smk.output.table, smk.output.report],
    )


if __name__ == "__main__":
    main(snakemake)
