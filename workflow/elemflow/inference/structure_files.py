"""Predictions for files of crystal structures: CIF, POSCAR and extended XYZ, one structure each."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from elemflow.chemistry.crystal import Crystal
from elemflow.chemistry.structure_text import READERS
from elemflow.core.errors import DataError
from elemflow.inference.formulas import Batch
from elemflow.inference.predictor import Predictor
from elemflow.inference.structure_names import structure_format

BATCH_FILES = 256
ATOMS = re.compile(r"^\s*_atom_site_fract_x\b", re.MULTILINE | re.IGNORECASE)
"""Key that each structure of a CIF has once."""


def batches_of_structures(predictor: Predictor, files: Sequence[str], *, skip: bool) -> Iterator[Batch]:
    """Yield the structures of files with their features.

    Args:
        predictor: What predicts them.
        files: Names of structure files; the label `file` of the batches.
        skip: Whether files that cannot be predicted get a reason; they are an error otherwise.

    Raises:
        DataError: A file cannot be read or predicted.
    """
    names = iter(files)
    while some := list(itertools.islice(names, BATCH_FILES)):
        read = [_read(name) for name in some]
        crystals = [each for each in read if isinstance(each, Crystal)]
        found = predictor.batch(crystals, skip=True)
        rows = iter(zip(found.reasons, found.labels["formula"], found.labels["composition"], strict=True))
        full = [next(rows) if isinstance(each, Crystal) else (each, None, None) for each in read]
        reasons, formulas, compositions = (list(column) for column in zip(*full, strict=True))
        bad = next((place for place, reason in enumerate(reasons) if reason), None)
        if bad is not None and not skip:
            raise DataError(
                f"{some[bad]}: cannot be predicted: {reasons[bad]}. Correct it or leave it out, or skip such files "
                "(--skip)."
            )
        yield Batch(
            {"file": list[str | None](some), "formula": formulas, "composition": compositions}, found.x, reasons
        )


def _read(name: str) -> Crystal | str:
    """Return the structure of a file, or why there is none."""
    form = structure_format(name) or "cif"
    try:
        text = Path(name).read_text(encoding="utf-8-sig")
        if form == "cif" and (number := len(ATOMS.findall(text))) > 1:
            return f"it has {number} structures (blocks data_ with atoms); keep one per file"
        return READERS[form](text)
    except FileNotFoundError:
        return "no such file"
    except UnicodeDecodeError:
        return "no text in UTF-8"
    except ValueError as error:
        return str(error)
