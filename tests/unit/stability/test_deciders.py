"""Second models read predicted energies of all training phases, or nothing."""

import numpy as np
import pytest

from elemflow.core.errors import DataError
from elemflow.stability.competition import Competition, Compositions
from elemflow.stability.deciders import Fold, Surroundings, of_predicted_hull
from elemflow.stability.nested import View


def test_a_training_phase_without_a_predicted_energy_is_refused():
    phases = Compositions.of(["LiO", "Li2O", "MnO", "MnO2", "LiMnO2"])
    competition = Competition(phases)
    train, tested = np.arange(4), np.array([4])
    fold = Fold(0, np.array([True, True, True, True, False]), tested, np.array([-2.0]))
    around = Surroundings(train, np.zeros(4), np.zeros((4, 1)), np.zeros(4), np.zeros((1, 1)), np.zeros(1))
    view = View(train[:3], np.array([-1.5, -2.0, -1.9]), np.array([-2.1]))
    with pytest.raises(DataError, match="MnO2"):
        of_predicted_hull(competition, fold, around, [view])
