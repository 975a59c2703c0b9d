"""Files that a run reads and writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elemflow.training.fine_tuning import PretrainingFiles


@dataclass(frozen=True)
class RunInputs:
    """Files that a run reads.

    Attributes:
        features: Feature files, one per part of the representation, in its order.
        materials: `materials.parquet` of the dataset.
        split: Split file of the protocol.
        pretrained: Files of the pre-training run, if the protocol has the key `pretraining`.
        base: File of the base that the model is fine-tuned from, if the workflow builds it.
    """

    features: Sequence[Path]
    materials: Path
    split: Path
    pretrained: PretrainingFiles | None = None
    base: Path | None = None

    @property
    def files(self) -> list[Path]:
        """All files."""
        built = [self.base] if self.base else []
        return [*self.features, self.materials, self.split, *(self.pretrained or ()), *built]

    @classmethod
    def from_names(
        cls,
        features: Sequence[str | Path],
        materials: str | Path,
        split: str | Path,
        pretrained: Sequence[str | Path] = (),
        base: Sequence[str | Path] = (),
    ) -> "RunInputs":
        """Return the inputs of a job.

        Args:
            features: See the class.
            materials: See the class.
            split: See the class.
            pretrained: Files of the pre-training run in the order of `PretrainingFiles`; empty if there is none.
            base: The file of the base; empty if there is none.
        """
        before = PretrainingFiles(*map(Path, pretrained)) if pretrained else None
        built = next(map(Path, base), None)
        return cls([Path(path) for path in features], Path(materials), Path(split), before, built)


@dataclass(frozen=True)
class RunOutputs:
    """Files that a run writes.

    Attributes:
        predictions: Predictions for validation and test rows, sorted by member, role, material; in the metadata what
            each member chose, or why the run has no result.
        history: One row per member and validation, which is one per epoch unless the protocol says otherwise.
        run_info: Versions, machine, times, rows, inputs; see `RunInfo`.
        model_folder: One model per member, with its scaling and target, and `model.json`; see
            `elemflow.training.storage`.
        checkpoint_folder: Working state, removed after success.
    """

    predictions: Path
    history: Path
    run_info: Path
    model_folder: Path
    checkpoint_folder: Path
