"""Write the file of a base: networks in float16, errors and intervals on held-out compositions, model card."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.base.build import BaseInputs, build_base
from elemflow.config.base import Base
from elemflow.core.content import content_of, write_record
from elemflow.core.files import write_text
from elemflow.core.places import ROOT
from elemflow.inference.model_card import LIBRARIES
from elemflow.provenance.environment import start_job
from elemflow.provenance.run_info import git_commit, library_versions
from elemflow.reporting.bibliography import find_entries

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def read_license() -> str:
    """Return the licence of the code."""
    return (ROOT / "LICENSE").read_text(encoding="utf-8")


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    joint, *features = (Path(path) for path in smk.input.rows)
    inputs = [*smk.input.rows, *smk.input.networks]
    versions = library_versions()
    about = {
        "commit": git_commit(),
        "versions": {name: versions[name] for name in (*LIBRARIES, "jax") if name in versions},
        "inputs_sha256": {path: content_of(path) for path in inputs},
    }
    networks = [Path(path) for path in smk.input.networks]
    cited = sorted({key for texts in cfg["texts"].values() for key in texts.get("citation", [])})
    entries = find_entries(cited, smk.input.references)
    texts = {"references.bib": "".join(f"{entry}\n" for entry in entries.values()), "LICENSE": read_license()}
    files, declared = BaseInputs(joint, features, networks), Base.read(cfg["declared"])
    errors = build_base(cfg["base"], declared, cfg, files, Path(smk.output.base), about, texts)
    write_text(smk.output.errors, errors.to_csv(index=False, float_format="%.6g"))
    write_record(
        smk.output.record, smk.params, inputs=inputs, outputs=[smk.output.base, smk.output.card, smk.output.errors]
    )


if __name__ == "__main__":
    main(snakemake)
