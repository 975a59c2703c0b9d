"""`elemflow export` and `elemflow info`: a trained run as one file, and its model card."""

from pathlib import Path

import click

from elemflow.cli.options import complete_run, results_option

REFERENCES = ("resources/published/references.bib", "config/published/references.bib")
"""Those that ship and those of the user's own."""


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@results_option
def export(*, run: str, file: Path, results: Path) -> None:
    """Write a trained run as one file, to predict with on any machine.

    \b
    elemflow export "kefe brnet" enthalpies.elemflow
    elemflow predict --model enthalpies.elemflow Fe2O3

    RUN is the folder of a run, or a part of its id. The file holds networks, scaling, target, calibration of the
    intervals, applicability domain, errors, provenance, licence and a model card. The same run gives the same bytes.
    """
    from elemflow.inference.exported import SUFFIX, export_run
    from elemflow.inference.run_folders import find_run

    if file.suffix != SUFFIX:
        raise click.UsageError(f"{file}: name the file {SUFFIX}.")
    folder = find_run(run, results)
    exported = export_run(folder, file, bibliography_of(folder))
    for note in exported.notes:
        click.echo(note, err=True)
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB, SHA-256 {exported.sha256}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def info(*, file: Path, as_json: bool) -> None:
    """Print the model card of an exported file, after a check of every member.

    \b
    elemflow info enthalpies.elemflow
    """
    from elemflow.cli.terminal import printable
    from elemflow.core.archive import read_members
    from elemflow.core.files import sha256_file
    from elemflow.inference.model_card import CARD, CARD_JSON

    card = CARD_JSON if as_json else CARD
    _, members = read_members(file, card)
    click.echo(printable(members[card].decode(errors="replace")), nl=False)
    if not as_json:
        click.echo(f"\n{file}: SHA-256 {sha256_file(file)}")


def bibliography_of(run: Path) -> str:
    """Return what to cite for a run's dataset as BibTeX, as far as the project has the entries."""
    from elemflow.core.places import find
    from elemflow.inference.exported import dataset_facts
    from elemflow.inference.run_folders import project_of
    from elemflow.reporting.bibliography import read_entries

    entries: dict[str, str] = {}
    for path in (find(name, project_of(run)) for name in REFERENCES):
        entries |= read_entries(path) if path.is_file() else {}
    return "\n".join(f"{entries[key]}\n" for key in dataset_facts(run).get("citation", []) if key in entries)
