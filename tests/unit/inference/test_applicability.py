"""Distance to the training rows: near is near, far is far, and a new element is named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elemflow.core.files import read_metadata, write_parquet
from elemflow.evaluation.applicability_groups import read_applicability
from elemflow.inference import applicability
from elemflow.inference.applicability import ApplicabilityDomain, AssessmentInputs, assess_run, is_grouped_split
from elemflow.training.data import MemberData, RoleData

WIDTHS = [("ef", 3), ("pa", 2)]


def make_part(x: np.ndarray, prefix: str = "m") -> RoleData:
    return RoleData(np.array([f"{prefix}{row}" for row in range(len(x))], dtype=object), x.astype(np.float32), x[:, 0])


def assess(
    train: np.ndarray, rows: np.ndarray, special: dict[int, str] | None = None, grouped: list[str] | None = None
) -> dict[str, np.ndarray]:
    """Assess rows of Fe1 O1, but for the ones whose composition `special` gives by number.

    Args:
        grouped: Compositions of the training rows, if the split is grouped by them; else each row is of Fe1 O1.
    """
    part = make_part(train)
    known = dict(zip(part.material_id.tolist(), grouped or ["Fe1 O1"] * len(train), strict=True))
    domain = ApplicabilityDomain.fit(part, WIDTHS, known, grouped=grouped is not None)
    return domain.assess(
        rows.astype(np.float32), [(special or {}).get(row, "Fe1 O1") for row in range(len(rows))]
    )._asdict()


def test_materials_like_the_training_rows_are_inside_and_distant_ones_are_far() -> None:
    rng = np.random.default_rng(0)
    train, alike = rng.normal(size=(2000, 5)), rng.normal(size=(500, 5))
    found = assess(train, np.concatenate([alike, np.full((3, 5), 30.0)]))
    assert found["flag"][500:].tolist() == ["far"] * 3
    assert found["percentile"][500:].tolist() == [1.0] * 3
    # Rows of the same distribution have percentiles of a uniform one.
    assert found["percentile"][:500].mean() == pytest.approx(0.5, abs=0.04)
    assert np.mean(found["flag"][:500] == "inside") == pytest.approx(0.95, abs=0.03)


def test_distances_are_those_of_a_plain_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applicability, "BATCH_ROWS", 7)
    rng = np.random.default_rng(1)
    train, rows = rng.normal(size=(60, 5)), rng.normal(size=(20, 5))
    scale = train.std(axis=0) * np.sqrt([3, 3, 3, 2, 2])
    between = np.linalg.norm((rows[:, None] - train[None]) / scale, axis=2)
    expected = np.sort(between, axis=1)[:, : applicability.N_NEIGHBOURS].mean(axis=1)
    assert assess(train, rows)["distance"] == pytest.approx(expected, rel=1e-5)


def test_an_element_that_no_training_row_has_is_named() -> None:
    x = np.random.default_rng(2).normal(size=(20, 5))
    found = assess(x, x[:3], {1: "Fe1 U2 Xe1", 2: "O3"})
    assert found["flag"].tolist() == ["inside", "unseen", "inside"]
    assert found["unseen_elements"].tolist() == ["", "U Xe", ""]


def test_a_training_row_is_not_its_own_neighbour_even_among_equal_rows() -> None:
    x = np.repeat(np.arange(20.0)[:, None], 5, axis=1)
    assert assess(x, x + 0.01)["percentile"].max() < 1  # else every row would be further than all training rows
    equal = np.ones((30, 5))
    assert assess(equal, equal[:2])["distance"].tolist() == [0, 0]


@pytest.mark.parametrize("entries", [1, 2, 6])
def test_polymorphs_of_a_composition_do_not_make_new_compositions_look_far(
    monkeypatch: pytest.MonkeyPatch, entries: int
) -> None:
    monkeypatch.setattr(applicability, "BATCH_ROWS", 500)
    rng = np.random.default_rng(5)
    train, alike = (np.repeat(rng.normal(size=(count, 5)), entries, axis=0) for count in (600, 300))
    found = assess(train, alike, grouped=[f"Fe{1 + row // entries} O1" for row in range(len(train))])
    assert found["percentile"].mean() == pytest.approx(0.5, abs=0.05)
    assert np.mean(found["flag"] == "far") == pytest.approx(0.05, abs=0.03)


def test_rows_of_a_split_by_rows_find_their_composition_as_training_rows_do() -> None:
    rows = (
        np.random.default_rng(6).normal(size=(300, 145)).astype(np.float32)
    )  # so wide that equal rows differ a little
    part = make_part(np.tile(rows, (10, 1)))
    domain = ApplicabilityDomain.fit(
        part, [("pa", 145)], dict.fromkeys(part.material_id.tolist(), "Fe1 O1"), grouped=False
    )
    found = domain.assess(np.tile(rows, (2, 1)), ["Fe1 O1"] * 600)._asdict()
    assert set(found["distance"]) == {0}
    assert set(found["flag"]) == {"inside"}


def test_the_rows_decide_whether_a_split_is_grouped() -> None:
    parts = [make_part(np.ones((2, 5)), prefix) for prefix in ("train", "validation", "test")]
    member = MemberData(0, *parts, dropped={})
    known = {material: f"{material}" for part in parts for material in part.material_id}
    assert is_grouped_split(member, known)
    assert not is_grouped_split(member, known | {"test1": known["train0"]})


@given(st.integers(1, 12), st.integers(0, 5), st.integers(1, 4))
def test_any_number_of_rows_gives_finite_numbers(train: int, rows: int, compositions: int) -> None:
    rng = np.random.default_rng(train)
    grouped = [f"Fe1 O{1 + row % compositions}" for row in range(train)]
    found = assess(rng.normal(size=(train, 5)), rng.normal(size=(rows, 5)), grouped=grouped)
    assert len(found["distance"]) == rows
    assert np.isfinite(found["distance"]).all()
    assert ((found["percentile"] >= 0) & (found["percentile"] <= 1)).all()


def test_each_split_is_assessed_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    ids = [f"m{number}" for number in range(12)]
    table = pd.DataFrame({"material_id": ids, "composition": "Fe1 O1", "gap": rng.normal(size=12)})
    table.to_parquet(tmp_path / "materials.parquet")
    features = pd.DataFrame(rng.normal(size=(12, 2)).astype(np.float32), columns=["a", "b"])
    write_features(tmp_path / "ef.parquet", ids, features)
    roles = ["train"] * 8 + ["validation"] * 2 + ["test"] * 2
    split = [pd.DataFrame({"material_id": np.roll(ids, member // 2), "member": member, "role": roles})
             for member in range(4)]  # fmt: skip
    pd.concat(split).to_parquet(tmp_path / "split.parquet")
    assess_run(
        AssessmentInputs(
            dataset="d",
            property="gap",
            features=[tmp_path / "ef.parquet"],
            materials=tmp_path / "materials.parquet",
            split=tmp_path / "split.parquet",
            members_per_split=2,
        ),
        tmp_path / "out.parquet",
        threads=1,
    )
    written = pd.read_parquet(tmp_path / "out.parquet")
    assert written.groupby(["split", "role"]).size().to_dict() == {
        (0, "test"): 2, (0, "validation"): 2, (1, "test"): 2, (1, "validation"): 2,
    }  # fmt: skip
    assert set(read_applicability(tmp_path / "out.parquet")["material_id"]) == {"m10", "m11", "m9"}
    assert read_metadata(tmp_path / "out.parquet") == {"neighbours": 5, "members_per_split": 2}


def write_features(path: Path, ids: list[str], features: pd.DataFrame) -> None:
    table = pa.table({"material_id": ids} | {name: features[name].to_numpy() for name in features})
    write_parquet(path, table, {"part": "ef", "labels": list(features), "version": "1"})
