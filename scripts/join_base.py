"""Join the curated materials of a base's datasets by composition, one column per head."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.config.base import Head, Tested
from elemflow.core.content import write_record
from elemflow.multitask.joint import Evaluated, write_joint
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    materials = {name: Path(path) for name, path in zip(smk.params.datasets, smk.input.materials, strict=True)}
    declared = [each if isinstance(each, str) else Tested.model_validate(each) for each in cfg.get("exclude", [])]
    splits = iter(smk.input.splits)
    exclude = [
        each if isinstance(each, str) else Evaluated(Path(next(splits)), materials[each.dataset], each.roles)
        for each in declared
    ]
    write_joint(
        {name: Head.model_validate({"title": "", "group": "", **head}) for name, head in cfg["heads"].items()},
        materials,
        exclude,
        cfg["held_out"],
        Path(smk.output.joint),
        Path(smk.output.report),
    )
    write_record(
        smk.output.record,
        smk.params,
        inputs=[*smk.input.materials, *smk.input.splits],
        outputs=[smk.output.joint, smk.output.report],
    )


if __name__ == "__main__":
    main(snakemake)
