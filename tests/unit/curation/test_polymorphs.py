"""The choice among the entries of one composition: per structure, by the lowest value, or all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories.curation import (
    COMPUTED,
    curated,
    declared,
    energy,
    records,
    run,
    salt,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.chemistry.crystal import decode
from elemflow.core.errors import DataError
from elemflow.curation.polymorphs import SAME_VOLUME, distinct_structures
from elemflow.sources import table_rows


def test_spurious_energy_does_not_win(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e\nFe2O3,-98.0\nFe4O6,-6.5\nO3Fe2,-6.7\n",
        filters=[{"kind": "range", "property": "energy", "minimum": -20, "maximum": 5}],
    )
    assert outcome.energies == {"Fe2O3": -6.7}
    assert outcome.materials["entry_id"].tolist() == ["2"]
    assert outcome.materials["n_entries"].tolist() == [2]
    dropped = {"row": 1, "entry_id": "0", "formula": "Fe2O3"}
    assert outcome.rejected.to_dict("records") == [
        dropped | {"stage": "range energy", "reason": "energy is outside -20 to 5"}
    ]
    assert len(outcome.entries) == 3


def test_ties_and_missing_energies(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e,id\nFeO,,a\nFeO,-2,b\nFeO,-2,c\nNiO,,d\nNiO,,e\n",
        columns={"formula": "formula", "entry_id": "id"},
    )
    assert outcome.materials["entry_id"].tolist() == ["b", "d"]


def test_median_and_first(tmp_path: Path) -> None:
    content = "formula,e,gap\nFeO,1,\nFeO,5,2\nFeO,2,4\n"
    properties = {"energy": energy(), "gap": energy(column="gap", unit="eV")}
    median = run(tmp_path, content, properties=properties, keep={"rule": "median"}).materials
    assert median[["energy", "gap", "entry_id"]].to_numpy().tolist() == [[2.0, 3.0, "0"]]
    with pytest.raises(DataError, match="'gap' has no value"):
        run(tmp_path, content, properties=properties, keep={"rule": "first"})


def test_one_material_per_structure(tmp_path: Path) -> None:
    moved = {"coords": [[0, 0, 0], [0.4, 0.5, 0.5]]}
    rows = [
        ("7", "NaCl", -1.0, salt(5.64)),
        ("8", "NaCl", -1.2, salt(5.65)),  # the same within 1 %, lower
        ("9", "NaCl", -1.1, salt(6.10)),  # another volume
        ("10", "ClNa", -2.0, salt(5.64, **moved)),  # another space group
        ("11", "NaCl", None, salt(5.64)),
        ("12", "KCl", -1.0, salt(6.29, ("K", "Cl"))),
    ]
    properties = {"energy": energy(), "volume": COMPUTED}
    keep = {"rule": "structures", "property": "energy", "volume": "volume"}
    outcome = records(tmp_path, rows, properties=properties, keep=keep)
    assert outcome.materials["material_id"].tolist() == ["ClK#12", "ClNa#10", "ClNa#8", "ClNa#9"]
    assert outcome.materials["composition"].tolist() == ["ClK", "ClNa", "ClNa", "ClNa"]
    assert outcome.materials["n_entries"].tolist() == [1, 1, 3, 1]
    assert outcome.materials["structure_type"].tolist()[2:] == ["225", "225"]
    assert [decode(code).lattice[0][1] for code in outcome.materials["structure"]] == [3.145, 2.82, 2.825, 3.05]
    assert outcome.report["steps"][-1] == {"step": "one per composition and structure", "rows": 4, "dropped": 2}
    alike = records(tmp_path, rows, properties=properties, keep=keep | {"volume": None})
    assert alike.materials["material_id"].tolist() == ["ClK#12", "ClNa#10", "ClNa#8"]


def test_structure_type_of_the_source(tmp_path: Path) -> None:
    content = "formula,e,proto,v\nFeO,1,rocksalt,10\nFeO,0,B8,11\nOFe,-1,rocksalt,\nFeO,2,rocksalt,\nFeO,2,,12\n"
    options = {
        "columns": {"formula": "formula", "structure_type": "proto"},
        "properties": {"energy": energy(), "v": energy(column="v")},
        "keep": {"rule": "structures", "property": "energy", "volume": "v"},
    }
    outcome = run(tmp_path, content, **options)
    assert outcome.materials[["material_id", "structure_type", "n_entries"]].to_numpy().tolist() == [
        ["FeO#0", "rocksalt", 1],
        ["FeO#1", "B8", 1],
        ["FeO#2", "rocksalt", 2],
        ["FeO#4", "", 1],
    ]
    options["columns"] |= {"entry_id": "e"}
    with pytest.raises(DataError, match=r"two entries would both be the material 'FeO#2'.*columns\.entry_id"):
        run(tmp_path, content + "FeO,2,NiAs,3\n", **options)


def test_a_material_does_not_depend_on_how_a_parquet_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_rows, "CHUNK_ROWS", 2)
    frame = pd.DataFrame({"formula": "FeO", "e": [0.0, 1, 2, 3], "group": pd.array([225, 225, None, 225], "Int64")})
    frame.to_parquet(tmp_path / "t.parquet")
    columns = {"formula": "formula", "structure_type": "group"}
    keep = {"rule": "structures", "property": "energy", "volume": None}
    outcome = curated(tmp_path, declared(tmp_path / "t.parquet", columns=columns, keep=keep))
    assert outcome.materials[["material_id", "structure_type", "n_entries"]].to_numpy().tolist() == [
        ["FeO#0", "225", 3],
        ["FeO#2", "", 1],
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([np.nan, 10, 10.05, 10.1, 10.2, 11, 0, -1])),
        min_size=1,
        max_size=30,
    )
)
def test_structures_are_distinguished_as_by_hand(rows: list[tuple[int, float]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    counts: dict[int, int] = {}
    for position, (group, own) in enumerate(rows):
        for leader in counts:
            same_group, volume = rows[leader][0] == group, rows[leader][1]
            if same_group and (abs(own - volume) <= SAME_VOLUME * abs(volume) or (np.isnan(own) and np.isnan(volume))):
                counts[leader] += 1
                break
        else:
            counts[position] = 1
    groups, volumes = np.array([r[0] for r in rows], int), np.array([r[1] for r in rows], float)
    positions, found = distinct_structures(groups, volumes)
    assert dict(zip(positions.tolist(), found.tolist(), strict=True)) == counts


def test_every_row_may_be_a_material_and_keeps_its_role(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e,part\nTiO2,1,train\nxx,2,test\nTi2O4,3,test\nNaCl,,\nNaCl,4,0\n",
        columns={"formula": "formula", "entry_id": None, "splits": ["part"]},
        keep={"rule": "all"},
    )
    assert outcome.materials["material_id"].tolist() == ["ClNa#3", "ClNa#4", "O2Ti#0", "O2Ti#2"]
    assert outcome.materials["part"].tolist() == ["", "0", "train", "test"]
    assert outcome.materials["energy"].tolist()[1:] == [4, 1, 3]
    assert set(outcome.materials["n_entries"]) == {1}
    assert outcome.entries["part"].tolist() == ["train", "test", "", "0"]
    assert outcome.report["steps"][-1] == {"step": "one per row", "rows": 4, "dropped": 0}


def test_the_chosen_entry_gives_the_role(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        "formula,e,part\nTiO2,1,train\nTiO2,0,test\n",
        columns={"formula": "formula", "entry_id": None, "splits": ["part"]},
    )
    assert outcome.materials["part"].tolist() == ["test"]
