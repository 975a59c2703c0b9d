"""No composition that a run is evaluated on is in its pre-training, in whatever form either file writes it."""

from math import gcd

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.core.errors import DataError
from elemflow.core.files import read_metadata, sha256_file
from elemflow.core.roles import EVALUATION_ROLES
from elemflow.splits.leakage import compositions_of, reduced
from elemflow.splits.pretraining import FineTuned
from elemflow.splits.schemes.registry import read_split
from elemflow.splits.write import write_split

TARGET = {"scheme": "k_fold", "folds": 3, "repeats": 1, "validation": 0.2, "seed": 3}
SOURCE = {
    "scheme": "pretraining",
    "train": 0.6,
    "validation": 0.2,
    "test": 0.2,
    "seed": 3,
    "exclude": {"dataset": "d", "property": "p", "protocol": "q"},
}


def split_both(folder, target, source, *, scheme=TARGET, **changes):
    """Split two sets of compositions; return the rows of both splits and the metadata of the second."""
    for name, compositions in (("target", target), ("source", source)):
        ids = [f"{name}-{i:03d}" for i in range(len(compositions))]
        values = [float(i) for i in range(len(ids))]
        table = pa.table({"material_id": ids, "composition": compositions, "gap": values})
        pq.write_table(table, folder / f"{name}.parquet")
    write_split(folder / "target.parquet", "gap", read_split(scheme), folder / "tuned.parquet", where="target")
    write_split(
        folder / "source.parquet", "gap", read_split(SOURCE | changes), folder / "split.parquet", where="source",
        fine_tuned=FineTuned(folder / "tuned.parquet", folder / "target.parquet"),
    )  # fmt: skip
    return (
        pd.read_parquet(folder / "tuned.parquet"),
        pd.read_parquet(folder / "split.parquet"),
        read_metadata(folder / "split.parquet"),
    )


@st.composite
def spelled(draw):
    """A composition as amounts in lowest terms, and a formula of it in any order and any multiple."""
    elements = draw(st.lists(st.sampled_from(["Fe", "O", "Na", "N", "Cl"]), min_size=1, max_size=3, unique=True))
    counts = [draw(st.integers(1, 4)) for _ in elements]
    common = gcd(*counts)
    amounts = frozenset((element, count // common) for element, count in zip(elements, counts, strict=True))
    times = draw(st.integers(1, 3))
    tokens = [
        f"{e}{n * times if n * times > 1 or draw(st.booleans()) else ''}" for e, n in zip(elements, counts, strict=True)
    ]
    return amounts, "".join(draw(st.permutations(tokens)))


@given(st.lists(spelled(), min_size=12, max_size=24, unique_by=lambda pair: pair[0]), st.data())
@settings(max_examples=25)
def test_nothing_evaluated_is_in_any_set_of_the_pretraining(tmp_path_factory, target, data):
    # A composition in many rows could fill the share of a whole set, which is refused.
    others = data.draw(st.lists(spelled(), max_size=12, unique_by=lambda pair: pair[0]))
    again = data.draw(st.lists(st.sampled_from(target), max_size=12, unique=True))
    respelled = [(amounts, "".join(f"{e}{7 * n}" for e, n in sorted(amounts, reverse=True))) for amounts, _ in again]
    unseen = [(frozenset({("U", 1), ("H", n)}), f"U{n + 1}H{n * (n + 1)}") for n in range(2, 32)]
    source = [*others, *respelled, *unseen]
    tuned, rows, notes = split_both(tmp_path_factory.mktemp("split"), [f for _, f in target], [f for _, f in source])
    of_target = {f"target-{i:03d}": amounts for i, (amounts, _) in enumerate(target)}
    of_source = {f"source-{i:03d}": amounts for i, (amounts, _) in enumerate(source)}
    assert sorted(rows["member"].unique()) == sorted(tuned["member"].unique())
    for member, mine in tuned.groupby("member"):
        evaluated = {of_target[material] for material in mine.loc[mine["role"].isin(EVALUATION_ROLES), "material_id"]}
        kept = rows.loc[rows["member"] == member, "material_id"]
        assert not evaluated & {of_source[material] for material in kept}
        assert set(kept) == {material for material, amounts in of_source.items() if amounts not in evaluated}
        assert notes["removed"][str(member)] == len(source) - len(kept)


NAMES = [f"Fe{n}O{n + 1}" for n in range(1, 31)]


def test_what_is_left_is_split_by_the_shares_in_one_order_for_all_members(tmp_path):
    _, rows, notes = split_both(tmp_path, NAMES, [f"Na{n}Cl{n + 1}" for n in range(1, 41)])
    counts = rows.groupby(["member", "role"], observed=True).size()
    assert {counts[member, "train"] for member in range(3)} == {24}
    assert rows.drop_duplicates(["material_id", "role"]).shape[0] == 40
    assert notes["split"]["scheme"] == "pretraining"


def test_a_fine_tuned_run_of_several_splits_has_a_pretraining_for_each_member(tmp_path):
    scheme = {"scheme": "fractions", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 1}
    members = {"members": 2, "splits": 3, "split_per_member": False}
    tuned, rows, _ = split_both(tmp_path, NAMES, NAMES, scheme=scheme | members)
    trained = tuned[tuned["role"] == "train"].groupby("member").size()
    assert rows.groupby("member").size().to_dict() == trained.to_dict()
    assert len(trained) == 6


def test_a_sample_is_drawn_from_what_is_left(tmp_path):
    _, rows, _ = split_both(tmp_path, NAMES, [*NAMES, *(f"Na{n}Cl{n + 1}" for n in range(1, 41))], max_materials=20)
    assert set(rows.groupby("member").size()) == {20}


def test_the_same_dataset_may_be_that_of_the_pretraining(tmp_path):
    tuned, rows, _ = split_both(tmp_path, NAMES, NAMES)
    trained = tuned[tuned["role"] == "train"].groupby("member").size()
    assert rows.groupby("member").size().to_dict() == trained.to_dict()


def test_equal_inputs_give_equal_bytes(tmp_path):
    split_both(tmp_path, NAMES, NAMES)
    first = sha256_file(tmp_path / "split.parquet")
    split_both(tmp_path, NAMES, NAMES)
    assert sha256_file(tmp_path / "split.parquet") == first


def test_a_pretraining_of_nothing_but_evaluated_materials_is_refused(tmp_path):
    split_both(tmp_path, NAMES, NAMES)
    evaluated = compositions_of(tmp_path / "tuned.parquet", tmp_path / "target.parquet", EVALUATION_ROLES)[0]
    with pytest.raises(DataError, match=r"^source: the train set of member 0 is empty \(0 materials have a value\)"):
        split_both(tmp_path, NAMES, sorted(evaluated))


def test_compositions_of_the_sets_are_reduced(tmp_path):
    others = [f"U{n}H{n + 1}" for n in range(1, 9)]
    split_both(tmp_path, ["Fe4O6", "O3Fe2", "NaCl", "Na2N2", *others], NAMES)
    found = compositions_of(tmp_path / "tuned.parquet", tmp_path / "target.parquet")
    assert found == {member: {"Fe2O3", "ClNa", "NNa", *reduced(others, "x")} for member in range(3)}
    assert reduced(["Fe4O6", "NaN"], "x") == ["Fe2O3", "NNa"]
    with pytest.raises(DataError, match="x: column 'composition': 'Fe2Q' is no composition"):
        reduced(["Fe2Q"], "x")


def test_a_split_of_other_materials_is_refused(tmp_path):
    split_both(tmp_path, NAMES, NAMES)
    with pytest.raises(DataError, match=r"30 materials are not in .*source.parquet, such as 'target-000'"):
        compositions_of(tmp_path / "tuned.parquet", tmp_path / "source.parquet", EVALUATION_ROLES)
