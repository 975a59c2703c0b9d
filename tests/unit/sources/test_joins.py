"""Local tables from small repositories in the format of the real ones, behind a local server."""

import gzip
import hashlib
import json
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest

from elemflow.core.errors import DataError
from elemflow.sources import joins, retries, table
from elemflow.sources.joins import Repository, Upstream
from elemflow.sources.table import Options
from elemflow.tools.join import pinned

NONE = float("nan")


class Repositories:
    """A server of repositories, and the files in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def put(self, repository: Repository, path: str, content: str | bytes) -> None:
        target = self.folder / repository.name / repository.commit / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def put_sets(self, repository: Repository, folder: str, **sets: str) -> None:
        """Put `val="NaCl,1 MgO,2"` as a file of one value per formula."""
        for name, rows in sets.items():
            self.put(repository, f"{folder}/{name}.csv", "\n".join(["formula,target", *rows.split()]) + "\n")

    def files(self, folder: Path, *, whole: bool = False) -> Upstream:
        return Upstream(folder / "downloads", f"http://127.0.0.1:{self.http.server_port}", whole)


@pytest.fixture
def repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repositories]:
    monkeypatch.setattr(retries, "sleep", lambda _: None)
    served = Repositories(tmp_path / "served")
    yield served
    served.http.shutdown()
    served.http.server_close()


def put_polymorphs(served: Repositories) -> None:
    path = "Benchmark_Data/IRnet__OQMD_{}_per_atom"
    for part, rows in (("train", "O,-1"), ("val", "NaN,-2 NaN,-3"), ("test", "MgO,-4")):
        served.put_sets(joins.MSE_DATASETS, path.format("Energy"), **{part: rows})
        served.put_sets(joins.MSE_DATASETS, path.format("Volume"), **{part: rows.replace("-", "1")})


def test_rows_side_by_side(repositories: Repositories, tmp_path: Path) -> None:
    put_polymorphs(repositories)
    table = joins.join_oqmd_polymorphs(repositories.files(tmp_path))
    # Nitride of sodium, not a missing value.
    assert table["formula"].tolist() == ["NaN", "NaN", "MgO"]
    assert table["energy_per_atom"].tolist() == [-2, -3, -4]
    assert table["volume_per_atom"].tolist() == [12, 13, 14]
    assert table["source_split"].tolist() == ["val", "val", "test"]
    whole = joins.join_oqmd_polymorphs(repositories.files(tmp_path, whole=True))
    assert whole["source_split"].tolist() == ["train", "val", "val", "test"]


def test_rows_that_are_not_the_same(repositories: Repositories, tmp_path: Path) -> None:
    put_polymorphs(repositories)
    path = "Benchmark_Data/IRnet__OQMD_Volume_per_atom"
    repositories.put_sets(joins.MSE_DATASETS, path, test="CaO,9")
    with pytest.raises(DataError, match="rows of energy and volume differ in test"):
        joins.join_oqmd_polymorphs(repositories.files(tmp_path))


def put_oqmd(served: Repositories) -> None:
    for folder in ("Formation_Enthalpy", "Bandgap", "Energy_per_atom", "Volume_per_atom"):
        path = f"data/benchmark_data/OQMD_{folder}"
        served.put_sets(joins.CRABNET, path, train="A,1 B,2", val="C,3", test="D,4")
        # E is in its small sets alone; B and F were there in 2020.
        served.put_sets(joins.CRABNET_2020, path, train="A,1 D,4", val="C,3.5 B,2", test="F,6")


def test_two_releases(repositories: Repositories, tmp_path: Path) -> None:
    put_oqmd(repositories)
    table = joins.join_oqmd_composition(repositories.files(tmp_path)).set_index("formula")
    assert table.index.tolist() == ["A", "B", "C", "D", "F"]
    assert table["split_formation_enthalpy"].fillna("").tolist() == [
        "",
        "train_inferred",
        "val",
        "test",
        "train_inferred",
    ]
    pd.testing.assert_series_equal(
        table["formation_enthalpy"], pd.Series([NONE, 2, 3, 4, 6], table.index, name="formation_enthalpy")
    )
    # The training set of the band gaps is there, so that what only the older release has was dropped from the newer.
    assert table["split_band_gap"].fillna("").tolist() == ["train", "train", "val", "test", ""]
    assert table["band_gap_v1"].fillna(-1).tolist() == [1, 2, 3.5, 4, 6]
    assert table["volume_per_atom"].fillna(-1).tolist() == [-1, -1, 3, 4, -1]


def test_with_the_large_training_sets(repositories: Repositories, tmp_path: Path) -> None:
    put_oqmd(repositories)
    table = joins.join_oqmd_composition(repositories.files(tmp_path, whole=True)).set_index("formula")
    assert table["split_formation_enthalpy"].fillna("").tolist() == ["train", "train", "val", "test", ""]
    assert table["energy_per_atom"].fillna(-1).tolist() == [1, 2, 3, 4, -1]


def test_key_that_stands_twice(repositories: Repositories, tmp_path: Path) -> None:
    repositories.put_sets(joins.CRABNET, "data/p", train="A,1", val="B,2", test="A,3")
    with pytest.raises(DataError, match="formula 'A' stands twice"):
        joins.join_benchmark(repositories.files(tmp_path), joins.CRABNET, "data/", ["p"])


def test_energies_by_id(repositories: Repositories, tmp_path: Path) -> None:
    folder = "jarvis_leaderboard/benchmarks/AI/SinglePropertyPrediction"
    for name, value in (("megnet_e_form", "-1.5"), ("megnet_gappbe", "0.0")):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.json", json.dumps({"train": {"mp-1": value}, "test": {"mp-9": value}}))
        repositories.put(joins.LEADERBOARD, f"{folder}/{name}.json.zip", path.read_bytes())
    gaps = "task_id,pretty_formula,band_gap\nmp-1,NaN,0.5\nmp-2,MgO,4\nmp-3,Si,1\n"
    repositories.put(joins.ROOST_BAND_GAPS, "data/datasets/MP-bandgap.csv", gaps)
    lowest = "task_id,composition,formation_energy_per_atom\nmp-2,MgO,-3\nmp-1,NaN,-1.4\n"
    repositories.put(joins.ROOST_FORMATION, "data/datasets/mp-formation.csv", lowest)
    table = joins.join_mp_polymorphs(repositories.files(tmp_path))
    assert table["material_id"].tolist() == ["mp-1", "mp-2", "mp-3"]
    assert table["formation_energy_per_atom"].fillna(9).tolist() == [-1.5, -3, 9]
    assert table["formation_energy_per_atom_lowest"].fillna(9).tolist() == [-1.4, -3, 9]
    assert table["band_gap_pbe_2018"].fillna(9).tolist() == [0, 9, 9]


def test_elemnet_rows_keep_their_origin(repositories: Repositories, tmp_path: Path) -> None:
    repositories.put(joins.ROOST_ELEMNET, "data/datasets/oqmd_test.csv", "id,composition,target\n0,O0.5Mg0.5,-3\n")
    repositories.put_sets(joins.KING_CRABNET, "data/material_properties/oqmd", val="O0.5Mg0.5,-3", test="H1,0")
    assert joins.stack_oqmd1(repositories.files(tmp_path)).to_dict("list") == {
        "composition": ["O0.5Mg0.5", "O0.5Mg0.5", "H1"],
        "delta_e": [-3, -3, 0],
        "split": ["elemnet_test", "roost_val", "roost_test"],
    }


def test_bytes_are_compared_with_the_pinned_ones(repositories: Repositories, tmp_path: Path) -> None:
    put_polymorphs(repositories)
    files, name = repositories.files(tmp_path), "oqmd_polymorphs.parquet"
    digest = joins.write(name, files, tmp_path, None)
    first = (tmp_path / name).read_bytes()
    assert hashlib.sha256(first).hexdigest() == digest
    (tmp_path / name).unlink()
    assert joins.write(name, files, tmp_path, digest) == digest
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"SHA-256 {digest}, but its source pins 00.*mse_datasets.*or pandas, pyarrow"):
        joins.write(name, files, tmp_path, "00" * 32)
    assert not (tmp_path / name).exists()


def test_file_that_is_gone(repositories: Repositories, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"NU-CUCIS/CrossPropertyTL/7258427\w+/data/deltae/deltae_test_set\.csv.*404"):
        joins.write("jarvis_dft3d_formation_energy_peratom.csv.gz", repositories.files(tmp_path), tmp_path, None)


def test_packed_text_has_no_time(tmp_path: Path) -> None:
    packed = joins.to_bytes(b"formula,e\nNaN,1\n", "a.csv.gz")
    assert gzip.decompress(packed) == b"formula,e\nNaN,1\n"
    assert packed[4:8] == bytes(4)


def test_every_pinned_table_is_put_together_or_known_not_to_be(root: Path) -> None:
    by_hand = {"mp_structures.parquet"}  # of thousands of files
    read_directly = {"critexam_ef.csv.gz"}  # its dataset reads the three files of the repository
    assert set(pinned(root)) - set(joins.TABLES) == by_hand | read_directly


def put_leaderboard(served: Repositories, tmp_path: Path, path: str, sets: dict[str, dict[str, str]]) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("values.json", json.dumps(sets))
    served.put(joins.LEADERBOARD, f"jarvis_leaderboard/benchmarks/AI/{path}.json.zip", packed.read_bytes())


def test_structures_of_jarvis_with_values_by_id(repositories: Repositories, tmp_path: Path) -> None:
    halite = r"System\n1.0\n0.0 2.8 2.8\n2.8 0.0 2.8\n2.8 2.8 0.0\nNa Cl\n1 1\ndirect\n0.0 0.0 0.0 \n0.5 0.5 0.5 \n"
    sets = {"train": {"JVASP-2": halite}, "test": {"JVASP-1": halite.replace("Na Cl", "Mg O")}}
    put_leaderboard(repositories, tmp_path, "AtomGen/dft_3d_Tc_supercon", sets)
    for name in joins.LEADERBOARD_VALUES:
        values = {"train": {"JVASP-2": 0.5}, "test": {"JVASP-3": 1.0}}
        put_leaderboard(repositories, tmp_path, f"SinglePropertyPrediction/dft_3d_{name}", values)
    found = joins.join_jarvis_structures(repositories.files(tmp_path))
    assert found["jid"].tolist() == ["JVASP-1", "JVASP-2"]
    assert found["formula"].tolist() == ["MgO", "NaCl"]
    assert found["nsites"].tolist() == [2, 2]
    assert found["volume"].tolist() == pytest.approx([2 * 2.8**3] * 2)
    assert found["Tc_supercon"].fillna(-1).tolist() == [-1, 0.5]
    assert found["poscar"][1].splitlines()[5] == "Na Cl"
    assert "Na  Na0  1  0.00000000  0.00000000  0.00000000  1" in found["cif"][1]


@pytest.fixture
def joined(repositories: Repositories, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A source whose file is put together from the served repositories."""
    put_polymorphs(repositories)
    monkeypatch.setattr(joins, "SERVER", f"http://127.0.0.1:{repositories.http.server_port}")
    digest = joins.write("oqmd_polymorphs.parquet", repositories.files(repositories.folder), repositories.folder, None)
    return Options(path="elsewhere/oqmd_polymorphs.parquet", joined=True, sha256=digest)


def test_source_that_is_put_together(joined: Options, tmp_path: Path) -> None:
    assert not joined.is_local
    (record,) = table.fetch(joined, tmp_path / "raw")
    assert (record.file, record.sha256) == ("oqmd_polymorphs.parquet", joined.sha256)
    assert record.url == f"Kaaiian/mse_datasets @ {joins.MSE_DATASETS.commit}"
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["oqmd_polymorphs.parquet"]
    (frame,) = table.read(joined, tmp_path / "raw")
    assert frame["formula"].tolist() == ["NaN", "NaN", "MgO"]


def test_source_that_is_there_is_copied(joined: Options, tmp_path: Path, repositories: Repositories) -> None:
    here = joined.model_copy(update={"path": str(repositories.folder / "oqmd_polymorphs.parquet")})
    assert here.is_local
    (record,) = table.fetch(here, tmp_path)
    assert record.url == here.path
    assert here.for_reading() == joined.for_reading()


def test_parts_that_arrived_stay_for_the_next_attempt(
    joined: Options, tmp_path: Path, repositories: Repositories
) -> None:
    folder = repositories.folder / joins.MSE_DATASETS.name / joins.MSE_DATASETS.commit / "Benchmark_Data"
    energies, volumes = (folder / f"IRnet__OQMD_{name}_per_atom" for name in ("Energy", "Volume"))
    (volumes / "test.csv").rename(volumes / "away.csv")
    with pytest.raises(DataError, match=r"IRnet__OQMD_Volume_per_atom/test\.csv.*404"):
        table.fetch(joined, tmp_path)
    assert not (tmp_path / "oqmd_polymorphs.parquet").exists()
    (volumes / "away.csv").rename(volumes / "test.csv")
    (energies / "val.csv").unlink()
    (record,) = table.fetch(joined, tmp_path)
    assert record.sha256 == joined.sha256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("version https://git-lfs.github.com/spec/v1\n", "[aA] file of Kaaiian/mse_datasets @ .* is not what it was"),
        ("formula,target\nMgO,-9\n", "[aA] file of Kaaiian/mse_datasets @ .* is not what it was"),
        ("formula,target\nCaO,-9\n", "Kaaiian/mse_datasets @ .* differ in test"),
    ],
)
def test_wrong_parts_are_named_and_got_again(
    joined: Options, tmp_path: Path, repositories: Repositories, content: str, message: str
) -> None:
    path = "Benchmark_Data/IRnet__OQMD_Energy_per_atom/test.csv"
    right = (repositories.folder / joins.MSE_DATASETS.name / joins.MSE_DATASETS.commit / path).read_text()
    repositories.put(joins.MSE_DATASETS, path, content)
    with pytest.raises(DataError, match=message):
        table.fetch(joined, tmp_path / "raw")
    assert not list((tmp_path / "raw").iterdir())
    repositories.put(joins.MSE_DATASETS, path, right)
    (record,) = table.fetch(joined, tmp_path / "raw")
    assert record.sha256 == joined.sha256


def test_a_copied_text_does_not_depend_on_packages(repositories: Repositories, tmp_path: Path) -> None:
    repositories.put(joins.MATMINER_CSV, "expt_gap.csv", "other\n")
    with pytest.raises(DataError, match=r"is not what it was\. Nothing was written"):
        joins.write("expt_gap.csv.gz", repositories.files(tmp_path), tmp_path, "00" * 32)


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://example.org/oqmd_polymorphs.parquet", "sha256": "0" * 64},
        {"path": "mine.csv", "sha256": "0" * 64},
        {"path": "oqmd_polymorphs.parquet"},
    ],
)
def test_only_known_and_pinned_tables_are_put_together(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="joined is for path with a sha256 and one of the names aflow_composition"):
        Options(joined=True, **given)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["mp_composition_properties.parquet", "aflow_icsd.parquet", "mp_polymorphs.parquet"])
def test_real_tables_are_written_to_the_same_bytes(root: Path, real_data: Path, name: str) -> None:
    written = joins.to_bytes(pd.read_parquet(real_data / name), name)
    assert hashlib.sha256(written).hexdigest() == pinned(root)[name]


def test_the_long_table_of_properties_has_the_row_of_each_value(repositories, tmp_path, monkeypatch):
    monkeypatch.setattr(joins, "PROPERTIES", {"exfoliation_energy": "exfoliation_energy", "ehull": "ehull"})
    for folder, column in joins.PROPERTIES.items():
        for part in ("test", "training"):
            rows = f"pretty_comp,{column}\nNaCl,1\nNaN,2\n"
            file = {"exfoliation_energy": "exfoliation"}.get(folder, folder)  # as the repository names it
            repositories.put(joins.CROSS_PROPERTY, f"data/{folder}/{file}_{part}_set.csv", rows)
    found = joins.stack_properties(repositories.files(tmp_path))
    assert found["source_row"].tolist() == [0, 1] * 4
    assert found["split"].tolist() == ["test", "test", "train", "train"] * 2
    assert found["pretty_comp"].tolist()[1] == "NaN"
    assert found["property"].unique().tolist() == ["exfoliation_energy", "ehull"]
    assert found["value"].dtype == "float64"
