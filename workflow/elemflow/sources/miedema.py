"""Source `miedema`: formation enthalpies of binary alloys from the semi-empirical model of Miedema.

De Boer et al., Cohesion in Metals (1988), as implemented in matminer (Zhang et al., Comput. Phys. Commun. 209, 58
(2016)), in eV/atom. The model needs no download and gives three values per composition, for the intermetallic
compound (`inter`), the solid solution (`ss`) and the amorphous phase (`amor`), which serve as polymorphs.

matminer takes every element with 3 to 11 valence electrons for a transition metal. The hybridisation term between a
transition metal and Al, Ga, In, Si, Ge, Sn or another polyvalent metal is therefore missing: AlNi comes out at
+0.07 eV/atom, where measurements give about -0.6 eV/atom. Choose the elements among the transition metals.
"""

import importlib.metadata
import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from elemflow.chemistry.composition import canonical
from elemflow.core.errors import ConfigError
from elemflow.core.files import write_text
from elemflow.sources.options import SourceOptions
from elemflow.sources.records import FileRecord
from elemflow.sources.table_rows import Layout, read_table

PHASES = ("inter", "ss", "amor")
_FILE = "miedema.csv"


class Options(SourceOptions):
    """The elements and the atomic fractions of their pairs."""

    elements: tuple[str, ...] = Field(
        min_length=2,
        description="Metals whose binary alloys are computed.",
        json_schema_extra={"uniqueItems": True},
    )
    fractions: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        min_length=1,
        description="Atomic fractions of the first element of each pair.",
        json_schema_extra={"uniqueItems": True},
    )

    @property
    def is_local(self) -> bool:
        """True: the data are computed."""
        return True


def fetch(options: Options, folder: Path) -> list[FileRecord]:
    """Compute the table for every pair of `elements` and every atomic fraction of the first one.

    The columns are `formula`, `phase` and `formation_enthalpy` (eV/atom). A phase for which the model has no value
    is dropped. See `elemflow.sources.retrieve`.

    Raises:
        ConfigError: The model has no parameters for an element.
    """
    rows = ["formula,phase,formation_enthalpy"]
    rows += [
        f"{formula},{phase},{value!r}"
        for formula, values in _enthalpies(options.elements, options.fractions)
        for phase, value in values.items()
        if isfinite(value)
    ]
    write_text(folder / _FILE, "\n".join(rows) + "\n")
    return [FileRecord.of(folder / _FILE, url=f"matminer {importlib.metadata.version('matminer')}: Miedema")]


def read(options: Options, folder: Path) -> Iterator[pd.DataFrame]:  # noqa: ARG001 - all is in the file
    """Yield the rows of the table; see `elemflow.sources.retrieve`."""
    return read_table(folder / _FILE, Layout("csv"))


def _enthalpies(elements: Sequence[str], fractions: Sequence[float]) -> Iterator[tuple[str, dict[str, float]]]:
    from matminer.featurizers.composition.alloy import Miedema  # noqa: PLC0415 - seconds and 400 MB
    from pymatgen.core import Composition  # noqa: PLC0415

    # With imputation an element without parameters would get the mean of all others.
    model = Miedema(struct_types=list(PHASES), ss_types="min", impute_nan=False)
    known = set(model.df_dataset.index)
    if unknown := sorted(set(elements) - known):
        raise ConfigError(
            f"source.elements: the Miedema model has no parameters for {', '.join(unknown)}; allowed are "
            f"{', '.join(sorted(known))}."
        )
    for first, second in itertools.combinations(sorted(set(elements)), 2):
        for fraction in fractions:
            amount = Decimal(str(fraction))
            formula = canonical(f"{first}{amount:f}{second}{1 - amount:f}")
            yield formula, dict(zip(PHASES, map(float, model.featurize(Composition(formula))), strict=True))
