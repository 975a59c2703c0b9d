"""Files that a fine-tuning writes, checked before the training."""

import re
from pathlib import Path
from tempfile import TemporaryFile
from zipfile import is_zipfile

import click

REPORT = {
    ".html": re.compile(r"<title>[^<]* · elemflow finetune</title>"),
    ".md": re.compile(r"\A# .*: fine-tuned on [\d,]+ compositions\s"),
}
"""What the beginning of a report has, by the suffix of its file."""
BEGINNING = 2_000
"""Characters in which it is found."""


def check_outputs(out: Path, start: Path | None) -> None:
    """Check that a predictor and its reports can be written, and that no other file is replaced by them.

    Args:
        out: The predictor; its reports lie next to it.
        start: What is fine-tuned, if it is a file.

    Raises:
        click.UsageError: The folder cannot be written to, or a file there is none of a fine-tuning.
    """
    if start is not None and out.exists() and start.exists() and out.samefile(start):
        raise click.UsageError(f"{out}: is what the fine-tuning starts from. Name another file with -o.")
    if out.exists() and not is_zipfile(out):
        raise click.UsageError(f"{out}: exists and is no predictor. Name another file with -o.")
    for suffix, mark in REPORT.items():
        page = out.with_suffix(suffix)
        if page.exists() and not (page.is_file() and mark.search(_beginning(page))):
            raise click.UsageError(
                f"{page}: exists and is no report of a fine-tuning, which would replace it. Move it, or name another "
                "predictor with -o."
            )
    folder = next(each for each in out.absolute().parents if each.exists())
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.UsageError(
            f"{out}: cannot be written ({error.strerror}: {folder}). Name another file with -o."
        ) from None


def _beginning(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        return stream.read(BEGINNING)
