"""A base with a new card: equal weights, equal bytes when done twice, and another table is refused."""

import shutil

import pyarrow.parquet as pq
import pytest
from factories.base_toy import write_toy

from elemflow.core.archive import read_members
from elemflow.core.errors import DataError
from elemflow.multitask.file import read_base
from elemflow.tools.base_card import main, rewrite


@pytest.fixture(scope="module", name="written")
def _written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return write_toy(folder, folder / "toy.elemflow")


def test_a_new_card_leaves_weights_and_errors_as_they_are(written, tmp_path):
    again = tmp_path / "again.elemflow"
    shutil.copy(written, again)
    main([str(again), str(written.parent), "--without-known"])
    before, after = (read_members(path, everything=True)[1] for path in (written, again))
    assert {name for name in before if before[name] != after.get(name)} <= {"README.md", "model_card.json", "known.npz"}
    assert "known.npz" not in after
    assert read_base(again).known is None
    text = rewrite(again, written.parent, known=True)
    assert text == read_members(written, "README.md")[1]["README.md"].decode()
    assert again.read_bytes() == written.read_bytes()


def test_the_table_of_another_base_is_refused(written, tmp_path):
    for name in ("joint.parquet", "ef.parquet"):
        shutil.copy(written.parent / name, tmp_path)
    pq.write_table(pq.read_table(tmp_path / "joint.parquet").slice(20), tmp_path / "joint.parquet")
    with pytest.raises(DataError, match="not the table"):
        rewrite(written, tmp_path, known=True)
