"""What a fine-tuned run takes from its pre-training run, and the check that no evaluation data leaked into that."""

from pathlib import Path
from typing import NamedTuple

from elemflow.core.errors import DataError
from elemflow.core.roles import EVALUATION_ROLES
from elemflow.features.scaling import Scaling, Target
from elemflow.splits.leakage import compositions_of
from elemflow.training.run_config import RunConfig
from elemflow.training.storage import StoredMember, read_run_config

SHOWN = 5  # compositions in a message


class PretrainingFiles(NamedTuple):
    """Files of a pre-training run.

    Attributes:
        model: Its `model` folder.
        split: Its split file.
        materials: `materials.parquet` of its dataset.
    """

    model: Path
    split: Path
    materials: Path


class PretrainedMember(NamedTuple):
    """What a member is fine-tuned from.

    Attributes:
        network: Stored network of the pre-training run.
        scaling: Scaling of its features, if they were scaled.
        target: Scaling of its target.
    """

    network: Path
    scaling: Scaling | None
    target: Target


class PretrainingRun:
    """A pre-training run, whose members those of another run are fine-tuned from.

    Args:
        files: Its files.
        fine_tuned: Configuration of the fine-tuned run.

    Raises:
        DataError: The pre-training run has another model or representation.
    """

    def __init__(self, files: PretrainingFiles, fine_tuned: RunConfig):
        self._files, self._run = files, read_run_config(files.model)
        own, other = fine_tuned.plain(), self._run.plain()
        for what, found, expected in (
            ("representation", self._run.run.representation, fine_tuned.run.representation),
            ("model", other["model"], own["model"]),
        ):
            if found != expected:
                raise DataError(
                    f"{files.model}: trained with another {what} than this run, which cannot be fine-tuned from it: "
                    f"{found} instead of {expected}. Train the pre-training run again."
                )

    @property
    def path(self) -> str:
        """Folder of the pre-training run below `results/runs/`."""
        return self._run.run.path

    @property
    def files(self) -> list[Path]:
        """Every file that the fine-tuned run depends on."""
        stored = sorted(
            path for path in self._files.model.iterdir() if not path.name.startswith(".")
        )  # Snakemake's mark
        return [*stored, self._files.split, self._files.materials]

    def check_leakage(self, split: Path, materials: Path) -> None:
        """Check that each member has a pre-trained one that saw none of its validation and test compositions.

        Args:
            split: Split file of the fine-tuned run.
            materials: `materials.parquet` of its dataset.

        Raises:
            DataError: Names the member and some compositions.
        """
        evaluated = compositions_of(split, materials, EVALUATION_ROLES)
        seen = compositions_of(self._files.split, self._files.materials)
        for member, compositions in evaluated.items():
            if member not in seen or not self._stored(member).network_path.exists():
                known = ", ".join(str(known) for known in seen if self._stored(known).network_path.exists())
                raise DataError(
                    f"{self._files.model}: no network for member {member} of {split}; the pre-training run has the "
                    f"members {known or 'none'}. Remove the split {self._files.split} and start the workflow again."
                )
            if common := sorted(compositions & seen[member]):
                raise DataError(
                    f"{self._files.split}: member {member} of the pre-training run has {len(common)} of the validation "
                    f"and test compositions of member {member} of {split}, such as {', '.join(common[:SHOWN])}. Its "
                    "errors would be too low. Remove the first file and start the workflow again."
                )

    def member(self, number: int) -> PretrainedMember:
        """Return what a member is fine-tuned from.

        Raises:
            DataError: The scaling or the target of the pre-training run is missing.
        """
        stored, protocol = self._stored(number), self._run.protocol
        target = protocol.target_scaling
        scaling = {} if protocol.scaling == "none" else protocol.scaling
        for path, key, declared in (
            (stored.scaling_path, "scaling", set(scaling.values())),
            (stored.target_path, "target_scaling", {target.center, target.scale} if target else set()),
        ):
            if declared - {"none"} and not path.exists():
                raise DataError(f"{path}: missing, though the pre-training run has the key '{key}'. Train it again.")
        return PretrainedMember(stored.network_path, stored.scaling, stored.target)

    def _stored(self, member: int) -> StoredMember:
        return StoredMember(self._files.model, member)
