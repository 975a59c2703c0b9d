"""What a run takes from its source run, and the proof that the source saw nothing that the run is judged by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from elemflow.core.errors import DataError
from elemflow.core.files import read_json
from elemflow.core.roles import EVALUATION_ROLES
from elemflow.core.run import Run
from elemflow.splits.leakage import compositions_of
from elemflow.training.scaling import Scaling, Target, load_scaling, load_target

SHOWN = 5  # compositions in a message


class SourceFiles(NamedTuple):
    """Files of a source run.

    Attributes:
        model: Its `model` folder.
        split: Its division.
        materials: `materials.parquet` of its dataset.
    """

    model: Path
    split: Path
    materials: Path


class Start(NamedTuple):
    """What a member starts from.

    Attributes:
        network: Stored network of the source run.
        scaling: Scaling that its inputs had, if they had one.
        target: Target that it learned.
    """

    network: Path
    scaling: Scaling | None
    target: Target


class Source:
    """A source run whose members become those of another run.

    Args:
        files: Its files.
        cfg: What the other run depends on; see `elemflow.training.job.train_run`.

    Raises:
        DataError: The source run has another model or representation.
    """

    def __init__(self, files: SourceFiles, cfg: Mapping[str, Any]):
        self._files, self._cfg = files, read_json(files.model / "model.json")
        for what, own, other in (
            ("representation", cfg["run"]["representation"], self._cfg["run"]["representation"]),
            ("model", cfg["model"], self._cfg["model"]),
        ):
            if own != other:
                raise DataError(
                    f"{files.model}: trained with another {what} than this run, whose networks cannot start from it: "
                    f"{other} instead of {own}. Train the source run anew."
                )

    @property
    def run(self) -> str:
        """Folder of the source run below `results/runs/`."""
        return Run.of(self._cfg["run"]).path

    @property
    def paths(self) -> list[Path]:
        """Every file that the other run depends on."""
        stored = sorted(
            path for path in self._files.model.iterdir() if not path.name.startswith(".")
        )  # Snakemake's mark
        return [*stored, self._files.split, self._files.materials]

    def check_apart(self, split: Path, materials: Path) -> None:
        """Check that every member of a split has a source whose materials have no composition that it is judged by.

        Args:
            split: Split file of the other run.
            materials: `materials.parquet` of its dataset.

        Raises:
            DataError: Names the member and some compositions.
        """
        judged, seen = compositions_of(split, materials, EVALUATION_ROLES), compositions_of(*self._files[1:])
        for member, compositions in judged.items():
            if member not in seen or not self._file(member, "keras").exists():
                known = ", ".join(str(known) for known in seen if self._file(known, "keras").exists())
                raise DataError(
                    f"{self._files.model}: no network for member {member} of {split}, since the source run has the "
                    f"members {known or 'none'}. Remove the division {self._files.split} and start the workflow again."
                )
            if common := sorted(compositions & seen[member]):
                raise DataError(
                    f"{self._files.split}: member {member} of the source run has {len(common)} of the compositions "
                    f"that member {member} of {split} is judged by, such as {', '.join(common[:SHOWN])}. Its errors "
                    "would flatter. Remove the first file and start the workflow again."
                )

    def start(self, member: int) -> Start:
        """Return what a member starts from.

        Raises:
            DataError: The scaling or the target of the source is missing.
        """
        scaling, target = self._file(member, "scaling.npz"), self._file(member, "target.json")
        for path, key in ((scaling, "scaling"), (target, "target")):
            declared = self._cfg["protocol"].get(key) or {}
            if set(declared.values()) - {"none"} and not path.exists():
                raise DataError(f"{path}: missing, though the source run has the key '{key}'. Train it anew.")
        return Start(
            network=self._file(member, "keras"),
            scaling=load_scaling(scaling) if scaling.exists() else None,
            target=load_target(target) if target.exists() else Target(),
        )

    def _file(self, member: int, suffix: str) -> Path:
        return self._files.model / f"member-{member}.{suffix}"
