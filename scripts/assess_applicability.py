"""Compare the validation and test materials of one run with its training materials."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.inference.applicability import AssessmentInputs, assess_run
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    run = smk.params.cfg["run"]
    inputs = AssessmentInputs(
        dataset=run["dataset"],
        property=run["property"],
        features=[Path(path) for path in smk.input.features],
        materials=Path(smk.input.materials),
        split=Path(smk.input.split),
        members_per_split=smk.params.cfg["members_per_split"],
    )
    assess_run(inputs, Path(smk.output.applicability), smk.threads)
    write_record(
        smk.output.record,
        smk.params,
        inputs=[*smk.input.features, smk.input.materials, smk.input.split],
        outputs=[smk.output.applicability],
    )


if __name__ == "__main__":
    main(snakemake)
