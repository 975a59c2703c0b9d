"""Schemes that test extrapolation: no group of the test set is in training, and the validation set is of the same
kind."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from elemflow.chemistry.composition import amounts, canonical
from elemflow.chemistry.composition_clusters import cluster
from elemflow.chemistry.periodic_table import group_of, period_of
from elemflow.core.errors import DataError
from elemflow.core.roles import ROLES
from elemflow.splits.schemes.base import DROPPED, TEST_KEYS
from elemflow.splits.schemes.registry import read_split, split_schemes
from elemflow.splits.schemes.whole_groups import GroupScheme, one_group_per_composition
from elemflow.splits.write import write_split

ELEMENTS = ("Li", "Na", "Mg", "Fe", "Co", "O", "S", "F", "Cl", "La")
TRAIN, VALIDATION, TEST = range(3)
SYSTEMS = {"scheme": "leave_systems_out", "folds": 3, "seed": 1}
CLUSTERS = {"scheme": "leave_clusters_out", "folds": 3, "seed": 1}
VALUES = {"scheme": "leave_values_out", "folds": 3, "seed": 1, "column": "spacegroup"}


def compounds(n, seed=0):
    rng = np.random.default_rng(seed)
    return [
        canonical("".join(f"{e}{rng.integers(1, 5)}" for e in rng.choice(ELEMENTS, rng.integers(1, 4), replace=False)))
        for _ in range(n)
    ]


def members(compositions, split, labels=None):
    return list(read_split(split).members(compositions, labels))


def system(composition):
    return frozenset(amounts(composition))


@settings(deadline=None, max_examples=30)
@given(st.integers(30, 120), st.integers(0, 1000))
def test_no_chemical_system_is_in_two_sets(n, seed):
    compositions = compounds(n, seed)
    for roles in members(compositions, SYSTEMS):
        of_role = [{system(c) for c, r in zip(compositions, roles, strict=True) if r == role} for role in range(3)]
        assert all(of_role)
        assert len(set.union(*of_role)) == sum(map(len, of_role))
    tested = sum((roles == TEST).astype(int) for roles in members(compositions, SYSTEMS))
    assert (tested == 1).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(40, 120), st.integers(0, 1000))
def test_each_cluster_is_the_test_set_once_and_validation_is_of_others(n, seed):
    compositions = compounds(n, seed)
    found = cluster(compositions, 3)
    for number, roles in enumerate(members(compositions, CLUSTERS)):
        np.testing.assert_array_equal(roles == TEST, found == number)
        assert not set(found[roles == VALIDATION]) & set(found[roles == TRAIN])


@given(st.permutations(compounds(40)))
@settings(deadline=None, max_examples=10)
def test_clusters_do_not_depend_on_the_order_of_rows(order):
    expected = dict(zip(compounds(40), cluster(compounds(40), 4).tolist(), strict=True))
    assert dict(zip(order, cluster(order, 4).tolist(), strict=True)) == expected


def test_clusters_hold_similar_compositions():
    alloys, salts = ["FeCo", "FeCo2", "Fe2Co", "Fe3Co"], ["NaCl", "LiF", "NaF", "LiCl"]
    found = cluster([*alloys, *salts], 2).tolist()
    assert len(set(found[:4])) == len(set(found[4:])) == 1
    assert found[0] != found[4]


@settings(deadline=None, max_examples=20)
@given(st.integers(60, 120), st.integers(0, 1000), st.sampled_from(["elements", "groups", "periods"]))
def test_no_training_material_has_what_is_left_out(n, seed, kind):
    compositions = compounds(n, seed)
    split, class_of, left_out = {
        "elements": ({"scheme": "leave_elements_out", "elements": ["F", "Fe"]}, str, ["F", "Fe"]),
        "groups": ({"scheme": "leave_groups_out", "numbers": [17, 1]}, lambda e: group_of(NUMBERS[e]), [17, 1]),
        "periods": (
            {"scheme": "leave_groups_out", "by": "period", "numbers": [2]},
            lambda e: period_of(NUMBERS[e]),
            [2],
        ),
    }[kind]
    for name, roles in zip(left_out, members(compositions, split | {"seed": seed, "validation": 0.2}), strict=True):
        classes = [{class_of(e) for e in amounts(composition)} for composition in compositions]
        np.testing.assert_array_equal(roles == TEST, [name in each for each in classes])
        for role in (TRAIN, VALIDATION):
            assert all(name not in each for each, r in zip(classes, roles, strict=True) if r == role)


NUMBERS = {"Li": 3, "Na": 11, "Mg": 12, "Fe": 26, "Co": 27, "O": 8, "S": 16, "F": 9, "Cl": 17, "La": 57}


@pytest.mark.parametrize(
    ("number", "place"),
    [(1, (1, 1)), (2, (18, 1)), (3, (1, 2)), (5, (13, 2)), (10, (18, 2)), (17, (17, 3)), (26, (8, 4)), (57, (3, 6)), (71, (3, 6)),
     (72, (4, 6)), (79, (11, 6)), (92, (3, 7)), (118, (18, 7))],
)  # fmt: skip
def test_places_in_the_periodic_table(number, place):
    assert (group_of(number), period_of(number)) == place


def test_the_validation_set_of_elements_is_that_of_other_elements():
    compositions = ["FeF", "FeF2", "LiCl", "NaCl", "MgCl2", "CoO", "CoS", "Co2S", "LaS", "La2S3"]
    (roles,) = members(compositions, {"scheme": "leave_elements_out", "elements": ["F"], "seed": 3, "validation": 0.25})
    held = {e for c, r in zip(compositions, roles, strict=True) if r == VALIDATION for e in amounts(c)}
    assert (roles == VALIDATION).sum() >= 2
    assert any(all(e not in amounts(c) for c, r in zip(compositions, roles, strict=True) if r == TRAIN) for e in held)


@settings(deadline=None, max_examples=20)
@given(st.integers(60, 120), st.integers(0, 1000))
def test_chosen_systems_are_tested_and_no_other_system_is_in_two_sets(n, seed):
    compositions = [*compounds(n, seed), "Fe2O3", "FeO", "LiO"]
    [roles] = members(compositions, {"scheme": "named_systems", "systems": ["O-Fe"], "seed": seed, "validation": 0.3})
    np.testing.assert_array_equal(roles == TEST, [system(c) == {"Fe", "O"} for c in compositions])
    assert {system(c) for c, r in zip(compositions, roles, strict=True) if r == VALIDATION}.isdisjoint(
        {system(c) for c, r in zip(compositions, roles, strict=True) if r == TRAIN}
    )
    assert (roles == VALIDATION).any()


def test_a_system_with_an_unknown_element_is_refused():
    with pytest.raises(ValidationError, match="Xx"):
        read_split({"scheme": "named_systems", "systems": ["Li-Xx"], "seed": 1})


def test_an_unknown_element_is_refused():
    with pytest.raises(ValidationError, match="Xx"):
        read_split({"scheme": "leave_elements_out", "elements": ["Xx"], "seed": 1})


@pytest.mark.parametrize("end", ["highest", "lowest"])
def test_the_end_of_the_values_is_tested(end):
    compositions, values = [f"Fe{i + 1}O" for i in range(100)], np.random.default_rng(1).normal(size=100)
    (roles,) = members(compositions, {"scheme": "highest_values", "end": end, "seed": 1}, values)
    sign = 1 if end == "highest" else -1
    ranked = sign * values
    assert (roles == TEST).sum() == (roles == VALIDATION).sum() == 10
    assert ranked[roles == TEST].min() > ranked[roles == VALIDATION].max()
    assert ranked[roles == VALIDATION].min() > ranked[roles == TRAIN].max()


def test_equal_values_at_the_edge_of_the_test_set_are_counted(caplog):
    compositions = [f"Fe{number}O" for number in range(1, 11)]
    split = {"scheme": "latest", "column": "year", "test": 0.3, "validation": 0.0, "seed": 1}
    years = np.array(["2019"] * 4 + ["2020"] * 5 + ["2021"], dtype=object)
    (roles,) = members(compositions, split, years)
    assert [(roles[years == year] == TEST).sum() for year in ("2019", "2020", "2021")] == [0, 2, 1]
    assert "latest: 3 materials have the value at the edge of the test set and are not in it, 2 are" in caplog.text
    caplog.clear()
    members(compositions, split | {"test": 0.6}, years)
    assert not caplog.text


def test_materials_of_one_composition_stay_together_in_time():
    compositions = ["FeO", "FeO", "MgO", "NaCl", "LiF", "CoO"]
    dates = np.array(["2010-01-01", "2021-01-01", "2012-01-01", "2013-01-01", "2014-01-01", "2015-01-01"], dtype=object)
    split = {"scheme": "latest", "column": "date", "test": 0.3, "validation": 0.2, "seed": 1}
    (roles,) = members(compositions, split, dates)
    assert [ROLES[role] for role in roles] == ["test", "test", "train", "train", "train", "validation"]


def in_time(values, **keys):
    scheme = read_split({"scheme": "latest", "column": "year", "test": 0.2, "seed": 1} | keys)
    ids = [f"M{i}" for i in range(len(values))]
    found = scheme.labels(ids, values, None, "split of x")
    (roles,) = scheme.members(
        [f"Fe{i + 1}O" for i, label in enumerate(found) if label != "none"], found[found != "none"]
    )
    return [value for value, label in zip(values, found, strict=True) if label != "none"], roles


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.dates().map(str),
            st.datetimes().map(lambda at: at.isoformat(sep=" ")),
            st.sampled_from(["2021", "1999-05", "2021-03-31T10:00:00Z", "2021-03-31T10:00+02:00"]),
        ),
        min_size=5,
    )
)
def test_dates_are_in_the_order_of_time(values):
    def moment(text):
        whole = text + "-01" * (2 - text.count("-")) if len(text) < 10 else text
        at = datetime.fromisoformat(whole)
        return at.replace(tzinfo=at.tzinfo or UTC)

    kept, roles = in_time(values, validation=0)
    tested = [moment(value) for value, role in zip(kept, roles, strict=True) if role == TEST]
    rest = [moment(value) for value, role in zip(kept, roles, strict=True) if role == TRAIN]
    assert len(kept) == len(values)
    assert min(tested) >= max(rest)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=5),
    st.lists(st.sampled_from([None, "", " ", "nan", "NaN", "n/a", "N/A", "null"]), max_size=3),
)
def test_numbers_are_ordered_and_missing_values_are_in_no_set(numbers, missing):
    kept, roles = in_time([*missing, *map(repr, numbers), *missing], validation=0)
    assert kept == [repr(number) for number in numbers]
    assert min(v for v, r in zip(numbers, roles, strict=True) if r == TEST) >= max(
        v for v, r in zip(numbers, roles, strict=True) if r == TRAIN
    )


@pytest.mark.parametrize(
    ("bad", "others", "message"),
    [
        ("8.8.2022", ["2021-01-01", "2021-02-03"], "which is neither a number nor a date."),
        ("2022-8-8", ["2021-01-01", "2021-02-03"], "which is neither a number nor a date."),
        ("2022-02-30", ["2021-01-01", "2021-02-03"], "which is neither a number nor a date."),
        ("2022-02-28T25:00", ["2021-01-01", "2021-02-03"], "which is neither a number nor a date."),
        ("unknown", ["9", "10"], "which is neither a number nor a date."),
        ("inf", ["9", "10"], "which is neither a number nor a date."),
        ("1_000", ["9", "10"], "which is neither a number nor a date."),
        ("20210101", ["2021-01-01", "2021-02-03"], "which is no date, as other values are."),
    ],
)
def test_what_has_no_order_in_time_is_refused_by_material_and_column(bad, others, message):
    with pytest.raises(DataError) as caught:
        in_time([others[0], None, bad, *others])
    assert f"split of x: column 'year': 'M2' has '{bad}', {message}" in str(caught.value)


def test_values_of_a_column_are_in_one_fold_each():
    compositions = [f"Fe{i + 1}O" for i in range(60)]
    labels = np.array([str(i % 12) for i in range(60)], dtype=object)
    for roles in members(compositions, VALUES, labels):
        for role in range(3):
            others = set(labels[roles != role])
            assert not set(labels[roles == role]) & others


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("12345678")), min_size=8, max_size=40),
    st.integers(0, 100),
)
def test_no_value_of_a_test_material_is_in_training_where_compositions_have_several(materials, seed):
    compositions, labels = [c for c, _ in materials], np.array([v for _, v in materials], dtype=object)
    plain = list(GroupScheme.splits(read_split(VALUES | {"seed": seed}), compositions, labels))
    groups = np.array(one_group_per_composition(compositions, labels.tolist()))
    for roles, before in zip(members(compositions, VALUES | {"seed": seed}, labels), plain, strict=True):
        of_fold = set(groups[before == TEST])
        assert set(labels[roles == TEST]) == of_fold
        assert not of_fold & set(labels[(roles == TRAIN) | (roles == VALIDATION)])
        in_fold = np.isin(labels, list(of_fold))
        np.testing.assert_array_equal(roles == DROPPED, in_fold != (before == TEST))
        np.testing.assert_array_equal(roles[roles != DROPPED], before[roles != DROPPED])


def test_materials_whose_value_is_tested_are_not_written_and_are_counted(tmp_path, caplog):
    names = ["FeO", "FeO", *[f"Fe{i + 2}O" for i in range(12)]]
    table = {"composition": names, "gap": [1.0] * 14, "spacegroup": ["1", "2", *[str(2 + i % 6) for i in range(12)]]}
    pq.write_table(pa.table({"material_id": [f"M{i}" for i in range(14)]} | table), tmp_path / "m.parquet")
    split = read_split(VALUES | {"seed": 2})
    write_split(tmp_path / "m.parquet", "gap", split, tmp_path / "split.parquet", where="here")
    found = pq.read_table(tmp_path / "split.parquet").to_pandas()
    sizes = found.groupby("member").size()
    of_value = dict(zip([f"M{i}" for i in range(14)], table["spacegroup"], strict=True))
    for _, rows in found.groupby("member"):
        of_role = {role: set(ids.map(of_value)) for role, ids in rows.groupby("role", observed=True)["material_id"]}
        assert not of_role["test"] & (of_role["train"] | of_role.get("validation", set()))
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    assert (14 - sizes).sum() == sum(int(record.args[place]) for record in warned for place in (2, 4)) > 0
    assert "spacegroup: fold" in caplog.text


def test_splits_are_written_with_target_and_columns(tmp_path):
    names = [f"Fe{i + 1}O" for i in range(20)]
    table = {
        "material_id": names,
        "composition": names,
        "gap": np.arange(20.0),
        "year": [str(2000 + i) for i in range(19)] + [None],
    }
    pq.write_table(pa.table(table), tmp_path / "m.parquet")
    for split, expected in (
        ({"scheme": "highest_values", "seed": 1}, {"Fe19O", "Fe20O"}),
        ({"scheme": "latest", "column": "year", "test": 0.1, "seed": 1}, {"Fe18O", "Fe19O"}),
    ):
        write_split(tmp_path / "m.parquet", "gap", read_split(split), tmp_path / "split.parquet", where="here")
        found = pq.read_table(tmp_path / "split.parquet").to_pandas()
        assert set(found.loc[found["role"] == "test", "material_id"]) == expected
    assert "Fe20O" not in set(found["material_id"])  # without a year it is in no set


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"scheme": "k_fold", "folds": 5}, "5 folds are made of whole groups, and the materials are of 3 compositions"),
        ({"scheme": "k_fold_pairs", "folds": 5}, "the materials are of 3 compositions, the largest with 2 materials"),
        ({"scheme": "k_fold_validation", "test": 0.3, "folds": 5}, "the materials are of 3 compositions"),
        (SYSTEMS | {"folds": 4}, "the materials are of 2 groups by chemical system, the largest with 3 materials"),
        (VALUES | {"folds": 4, "column": "year"}, "the materials are of 3 groups by year"),
        ({"scheme": "leave_elements_out", "elements": ["Na", "Tc"]}, "No material has the element Tc, which is tested"),
        ({"scheme": "leave_groups_out", "numbers": [18]}, "No material has an element of group 18, which is tested"),
        ({"scheme": "leave_groups_out", "by": "period", "numbers": [7]}, "No material has an element of period 7,"),
        ({"scheme": "named_systems", "systems": ["Fe-Li-O"]}, "No material has exactly the elements of Fe-Li-O"),
        ({"scheme": "highest_values", "test": 0.1, "validation": 0.5}, "the test set of member 0 is empty (4 materials"),
    ],
)  # fmt: skip
def test_an_empty_set_is_refused_with_its_cause(tmp_path, split, message):
    names = ["FeO", "FeO", "Fe2O3", "NaO"]
    table = {"material_id": list("abcd"), "composition": names, "gap": [1.0] * 4, "year": ["1", "1", "2", "3"]}
    pq.write_table(pa.table(table), tmp_path / "m.parquet")
    without_key = {"k_fold_pairs", "k_fold_validation"}
    no_validation = {} if split["scheme"] in without_key else {"validation": 0}
    scheme = read_split({"seed": 1} | no_validation | split)
    with pytest.raises(DataError) as caught:
        write_split(tmp_path / "m.parquet", "gap", scheme, tmp_path / "s.parquet", where="here")
    assert message in str(caught.value)
    assert not (tmp_path / "s.parquet").exists()


def test_a_training_set_is_always_needed(tmp_path):
    table = {"material_id": ["a", "b"], "composition": ["FeO", "NaO"], "gap": [1.0, 2.0]}
    pq.write_table(pa.table(table), tmp_path / "m.parquet")
    split = read_split({"scheme": "highest_values", "test": 0.5, "validation": 0.5, "seed": 1})
    with pytest.raises(DataError, match="the train set of member 0 is empty"):
        write_split(tmp_path / "m.parquet", "gap", split, tmp_path / "s.parquet", where="here")


@pytest.mark.parametrize("split", [{"scheme": "highest_values"}, {"scheme": "leave_clusters_out", "folds": 2}])
def test_a_property_without_values_is_named(tmp_path, split):
    table = {"material_id": ["Fe", "O"], "composition": ["Fe", "O"], "gap": pa.array([None, None], pa.float64())}
    pq.write_table(pa.table(table), tmp_path / "m.parquet")
    with pytest.raises(DataError, match="here: no material has a value of 'gap', so that there is nothing to split"):
        write_split(
            tmp_path / "m.parquet", "gap", read_split(split | {"seed": 1}), tmp_path / "s.parquet", where="here"
        )


def test_the_split_is_fixed_for_all_time():
    """Second letters of the roles: r, a, e."""
    assert ["".join(ROLES[r][1] for r in roles) for roles in members(compounds(20), SYSTEMS)] == SYSTEMS_OF_20
    assert ["".join(ROLES[r][1] for r in roles) for roles in members(compounds(20), CLUSTERS)] == CLUSTERS_OF_20


SYSTEMS_OF_20 = ["erereeerrerrarrraerr", "rrrerrreareerrerrrer", "rerrrarrerrreereerre"]
CLUSTERS_OF_20 = ["eeereeeeeeeerreerere", "aaaeaaaaaaaaeraaeaea", "rrrarrrrrrrraerrarar"]


def test_other_systems_are_other_test_sets():
    split = {"scheme": "named_systems", "seed": 1}
    names = {read_split(split | {"systems": [each]}).test_sets for each in ("Li-O", "Na-O")}
    assert len(names) == 2


@pytest.mark.parametrize("name", split_schemes())
def test_every_key_names_the_test_sets_or_concerns_the_rest(name):
    rest = {"train", "validation", "train_rows", "members", "splits", "members_per_fold", "split_per_member"}
    rest |= {"exclude", "members_of_fine_tuned"}  # of pre-training, which tests nothing
    keys = {field.alias or key for key, field in split_schemes()[name].model_fields.items()}
    assert keys <= rest | set(TEST_KEYS)
