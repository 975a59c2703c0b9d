"""Write what to cite for the tables of one study, as BibTeX and as a citation file."""

from typing import TYPE_CHECKING

from elemflow.core.files import write_text
from elemflow.core.version import version
from elemflow.provenance.environment import start_job
from elemflow.reporting.bibliography import find_entries, write_bibliography
from elemflow.reporting.citation_file import citation_file
from elemflow.reporting.references import Reference

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    keys = smk.params.cfg["keys"]
    write_bibliography(keys, smk.input.references, smk.output.bib)
    references = [Reference.parse(entry) for entry in find_entries(keys, smk.input.references).values()]
    title = smk.params.cfg["title"]
    write_text(smk.output.cff, citation_file(smk.wildcards.study, title, references, version()))


if __name__ == "__main__":
    main(snakemake)
