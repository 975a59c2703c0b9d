"""Division of the featurize stage into jobs."""

import pytest

pytestmark = pytest.mark.workflow

FILES = ("results/features/tiny/pa.parquet", "results/features/tiny/pa.rejected.parquet")


def test_feature_files_do_not_depend_on_the_number_of_chunks(fresh):
    fresh.run(*FILES)
    whole = [(fresh.folder / file).read_bytes() for file in FILES]
    fresh.edit("config/config.yaml", "chunks: 1", "chunks: 3")
    assert "Nothing to be done" in fresh.run("--dry-run", *FILES)
    for file in FILES:
        (fresh.folder / file).unlink()
    shown = fresh.run(*FILES)
    assert shown.count("rule featurize_chunk:") == 3
    assert [(fresh.folder / file).read_bytes() for file in FILES] == whole
    assert not list((fresh.folder / "results/features/tiny").glob("pa/*"))
