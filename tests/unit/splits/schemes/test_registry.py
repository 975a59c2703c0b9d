"""A new split scheme is one new file in the folder of schemes."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from elemflow.core.errors import ConfigError
from elemflow.core.roles import ROLES
from elemflow.splits import schemes
from elemflow.splits.schemes.base import SplitScheme
from elemflow.splits.schemes.registry import read_split, split_schemes
from elemflow.splits.write import write_split

LEAVE_ELEMENT_OUT = '''
"""Test on the materials of one element."""

from typing import Literal

import numpy as np
from pydantic import Field

from elemflow.splits.schemes.base import TEST, TRAIN, SplitScheme


class LeaveElementOut(SplitScheme):
    """All materials with one element are tested, the others are trained on."""

    scheme: Literal["leave_element_out"] = Field(description="Test on the materials of one element.")
    element: str = Field(description="Symbol of the element.")

    @property
    def n_splits(self):
        return 1

    def splits(self, compositions, labels=None):
        yield np.where([self.element in composition for composition in compositions], TEST, TRAIN)
'''


@pytest.fixture
def new_scheme(tmp_path, monkeypatch):
    (tmp_path / "leave_element_out.py").write_text(LEAVE_ELEMENT_OUT)
    monkeypatch.setattr(schemes, "__path__", [*schemes.__path__, str(tmp_path)])
    split_schemes.cache_clear()
    yield
    split_schemes.cache_clear()


def test_a_scheme_is_added_by_adding_one_file(new_scheme, tmp_path):
    names = ["Fe2O3", "FeO", "MgO", "NaCl"]
    pq.write_table(pa.table({"material_id": names, "composition": names, "gap": np.ones(4)}), tmp_path / "m.parquet")
    split = read_split({"scheme": "leave_element_out", "element": "Fe"})
    write_split(tmp_path / "m.parquet", "gap", split, tmp_path / "split.parquet", where="here")
    roles = pq.read_table(tmp_path / "split.parquet")["role"].to_pylist()
    assert roles == ["test", "test", "train", "train"]
    assert set(roles) < set(ROLES)


def test_an_unknown_scheme_is_named_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"'split\.scheme': 'kfold' .* Did you mean 'k_fold'"):
        read_split({"scheme": "kfold"})


@pytest.mark.parametrize("name", split_schemes())
def test_every_field_of_a_scheme_is_described(name):
    scheme: type[SplitScheme] = split_schemes()[name]
    assert scheme.__doc__
    assert [key for key, field in scheme.model_fields.items() if not field.description] == []


def test_a_derived_split_counts_the_members_of_the_fine_tuned_run():
    exclude = {"dataset": "d", "property": "p", "protocol": "q"}
    declared = {"scheme": "pretraining", "train": 0.8, "test": 0.2, "seed": 1, "exclude": exclude}
    split = read_split(declared | {"folds": 5, "members_per_fold": 3})
    assert split.members_of_fine_tuned == 15
    assert read_split(split.plain()) == split
