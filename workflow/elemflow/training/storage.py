"""Trained members on disk: `model.json` and, per member, a network or estimator with its scaling and target.

model/model.json                  the configuration of the run
model/member-<n>.keras|.skops     the network or estimator
model/member-<n>.scaling.npz      scaling of its features, if they are scaled
model/member-<n>.target.json      scaling of its target and lower bound of its predictions, if there is either
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elemflow.config.model import NetworkModel
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.features.scaling import Scaling, Target, load_scaling, load_target
from elemflow.training.run_config import RunConfig

if TYPE_CHECKING:
    import keras

MODEL_FILE = "model.json"


@dataclass(frozen=True)
class StoredMember:
    """A trained member in the `model` folder of a run.

    Attributes:
        folder: The folder.
        number: Number of the member.
    """

    folder: Path
    number: int

    @property
    def network_path(self) -> Path:
        """File of its network."""
        return self._file("keras")

    @property
    def estimator_path(self) -> Path:
        """File of its estimator."""
        return self._file("skops")

    @property
    def scaling_path(self) -> Path:
        """File of the scaling of its features."""
        return self._file("scaling.npz")

    @property
    def target_path(self) -> Path:
        """File of the scaling of its target."""
        return self._file("target.json")

    @property
    def scaling(self) -> Scaling | None:
        """Scaling of its features; None if they stay as they are."""
        return load_scaling(self.scaling_path) if self.scaling_path.exists() else None

    @property
    def target(self) -> Target:
        """Scaling of its target."""
        return load_target(self.target_path) if self.target_path.exists() else Target()

    def load_network(self, model: NetworkModel) -> "keras.Model":
        """Load its network; a Keras backend must have been started."""
        from elemflow.networks.build import load_network  # noqa: PLC0415  no estimator needs the networks

        return load_network(self.network_path, model.spec)

    def load_estimator(self) -> Any:
        """Load its fitted estimator, which has scikit-learn's interface."""
        from elemflow.estimators.storage import load_estimator  # noqa: PLC0415  no network needs scikit-learn

        return load_estimator(self.estimator_path)

    def _file(self, suffix: str) -> Path:
        return self.folder / f"member-{self.number}.{suffix}"


def stored_members(folder: Path) -> list[StoredMember]:
    """Return the members in the `model` folder of a run, by number; none if the model was not applicable."""
    files = [*folder.glob("member-*.keras"), *folder.glob("member-*.skops")]
    return [StoredMember(folder, number) for number in sorted(int(path.stem.removeprefix("member-")) for path in files)]


def read_run_config(folder: Path) -> RunConfig:
    """Read the configuration that the members of a `model` folder were trained with.

    Raises:
        DataError: The folder holds no trained run.
    """
    try:
        return RunConfig.from_params(read_json(folder / MODEL_FILE))
    except FileNotFoundError:
        raise DataError(
            f"{folder.parent}: no trained run, since it has no {folder.name}/{MODEL_FILE}. Give the folder of a run, "
            "such as results/runs/<dataset>/<property>/<representation>/<model>/<protocol>, and build it first."
        ) from None


def write_run_config(folder: Path, run: RunConfig) -> None:
    """Write the configuration of a run into its `model` folder."""
    write_json(folder / MODEL_FILE, run.plain())
