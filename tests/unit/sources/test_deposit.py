"""Files of authors from a local server, in the formats in which their repositories describe them."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import py7zr
import pytest

from elemflow.config.dataset import Dataset
from elemflow.config.load import load
from elemflow.config.yaml_schema import check, read_yaml
from elemflow.core.errors import ConfigError, DataError
from elemflow.core.files import read_json
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
from elemflow.sources import retries, transfer
from elemflow.sources.records import MANIFEST
from elemflow.sources.retrieve import retrieve

# The first rows that the notebook of IRNet shows, a failed calculation, and a second entry of one composition.
OQMD_C = """comp energy_pa volume_pa magmom_pa bandgap delta_e stability
Cs1Ho1S4Si1 -5.353489 27.1652 0.000069 3.024 -1.60894 -0.064029
Lu1 -4.511592 28.7838 0.046445 0.000 0.01259 0.012590
F2Mg1 -5.99 12.1 None 6.8 -3.6 None
F2Mg1 -5.80 12.9 None 6.2 -3.4 0.2
Cl1Na1 None 22.5 None None -2.1 -0.5
Np1O2 -203.629754 2.72938 None 0.0 -198.69561 -198.683327
"""
TARGETS = """name,formula,spacegroup,nelements,nsites,energy_per_atom,formation_energy_per_atom,band_gap,volume_per_atom
oqmd-823191,ZrZnNiMo,216,4,4,-6.399036,0.157939,0.0,16.014199
oqmd-362450,DySc2Ir,225,3,4,-6.795189,-0.266899,0.0,19.931045
oqmd-753381,Mg,10,2,1,-1.5,0.1,0.0,22.9
oqmd-9,NaCl,225,2,2,-3.4,_,5.0,22.4
"""
FALLBACK = "config/overlays/oqmd_jarvis.yaml"


class Server(NamedTuple):
    url: str
    folder: Path
    requests: list[str]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    requests: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setattr(retries, "sleep", lambda _: None)
    monkeypatch.setattr(transfer, "sleep", lambda _: None)
    monkeypatch.setattr(transfer, "_last_request", {})
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield Server(f"http://127.0.0.1:{running.server_port}", folder, requests)
        running.shutdown()


def put_tar(path: Path, members: dict[str, str]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(text.encode())
            archive.addfile(item, io.BytesIO(text.encode()))


def put_zip(path: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def put_7z(path: Path, members: dict[str, str]) -> None:
    with py7zr.SevenZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(text, name)


def dataset_of(root: Path, name: str, server: Server, **source: Any) -> Dataset:
    """Return one of our datasets, its addresses pointed at the local server."""
    declared = read_yaml(root / "config/datasets" / f"{name}.yaml")
    urls = [f"{server.url}/{url.rsplit('/', 1)[1]}" for url in declared["source"]["urls"]]
    declared["source"] |= {"urls": urls, "mirrors": None} | source
    check(declared, "dataset", name)
    return Dataset.model_validate(declared)


def curated(name: str, dataset: Dataset, folder: Path) -> pd.DataFrame:
    retrieve(name, dataset.source, folder / "raw")
    outputs = {key: folder / f"{key}.parquet" for key in ("entries", "materials", "rejected")}
    curate(CurationJob(name, dataset, folder / "raw", **outputs, report=folder / "curation.json"))
    return pd.read_parquet(outputs["materials"])


def test_our_oqmd(root: Path, server: Server, tmp_path: Path) -> None:
    (server.folder / "oqmd-c.csv").write_text(OQMD_C)
    materials = curated("oqmd", dataset_of(root, "oqmd", server), tmp_path).set_index("composition")
    # Neither the element nor the failed calculation, and the lower of two entries with its own values.
    assert sorted(materials["formation_energy"]) == [-3.6, -2.1, -1.60894]
    lowest = materials[materials["formation_energy"] == -3.6].iloc[0]
    assert (lowest["volume_per_atom"], lowest["energy_per_atom"], lowest["band_gap"]) == (12.1, -5.99, 6.8)
    assert materials["stability"].isna().sum() == 1
    assert materials["stability"].min() == -0.5


def test_our_oqmd1_from_the_archive(root: Path, server: Server, tmp_path: Path) -> None:
    members = {"data/mp.csv": "x\n", "data/oqmd_all.data": OQMD_C, "data/holdout-new/10/train_set.csv": "y\n"}
    put_tar(server.folder / "data.tar.gz", members)
    digest = hashlib.sha256(OQMD_C.encode()).hexdigest()
    dataset = dataset_of(root, "oqmd1", server, sha256=[digest])
    assert len(curated("oqmd1", dataset, tmp_path)) == 3
    (record,) = read_json(tmp_path / "raw" / MANIFEST)["files"]
    assert (record["file"], record["sha256"]) == ("oqmd_all.data", digest)
    assert record["url"] == f"{server.url}/data.tar.gz#oqmd_all.data"
    # The archive is gone, and is not fetched again for a table that is there.
    assert not (tmp_path / "raw/data.tar.gz").exists()
    retrieve("oqmd1", dataset.source, tmp_path / "raw")
    assert server.requests == ["/data.tar.gz"]


def test_our_oqmd2_from_a_7z_archive(root: Path, server: Server, tmp_path: Path) -> None:
    name = "oqmd-v1_2-for-cgnn.7z"
    put_7z(server.folder / name, {"oqmd_dataset/config.json": "{}", "oqmd_dataset/targets.csv": TARGETS})
    materials = curated("oqmd2", dataset_of(root, "oqmd2", server), tmp_path)
    energies = dict(zip(materials["entry_id"], materials["formation_energy"], strict=True))
    assert energies.keys() == {"oqmd-362450", "oqmd-823191", "oqmd-9"}
    assert energies["oqmd-823191"] == 0.157939
    assert pd.isna(energies["oqmd-9"])
    assert (tmp_path / "raw/targets.csv").read_text() == TARGETS


def test_our_sample_of_irnet_keeps_the_split(root: Path, server: Server, tmp_path: Path) -> None:
    header = "pretty_comp,0-norm,delta_e,magmom_pa,energy_pa,stability,bandgap,volume_pa\n"
    (server.folder / "sample_train_set.csv").write_text(f"{header}MgF2,2,-3.6,,-5.99,,6.8,12.1\n")
    (server.folder / "sample_test_set.csv").write_text(f"{header}NaCl,2,-2.1,,-3.4,-0.5,5.0,22.5\n")
    materials = curated("irnet_sample", dataset_of(root, "irnet_sample", server), tmp_path)
    assert dict(zip(materials["formation_energy"], materials["file"], strict=True)) == {-3.6: "train", -2.1: "test"}


def test_dead_link_names_the_fallback(root: Path, server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        retrieve("oqmd", dataset_of(root, "oqmd", server).source, tmp_path)
    for text in (f"{server.url}/oqmd-c.csv", "404", FALLBACK):
        assert text in str(caught.value)
    assert not (tmp_path / MANIFEST).exists()


def test_server_that_is_gone_names_the_fallback(
    root: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Server("http://127.0.0.1:9", server.folder, [])
    with pytest.raises(DataError, match="no connection") as caught:
        retrieve("oqmd1", dataset_of(root, "oqmd1", gone).source, tmp_path)
    assert FALLBACK in str(caught.value)


def test_mirror_of_a_table(root: Path, server: Server, tmp_path: Path) -> None:
    (server.folder / "oqmd_all.data").write_text(OQMD_C)
    mirror = [f"{server.url}/oqmd_all.data"]
    digest = hashlib.sha256(OQMD_C.encode()).hexdigest()
    # No archive at the first address.
    dataset = dataset_of(root, "oqmd1", server, mirrors=mirror, sha256=[digest])
    assert len(curated("oqmd1", dataset, tmp_path)) == 3
    (record,) = read_json(tmp_path / "raw" / MANIFEST)["files"]
    assert record["url"] == mirror[0]
    server.requests.clear()
    retrieve("oqmd1", dataset.source, tmp_path / "raw")
    assert server.requests == []
    wrong = dataset_of(root, "oqmd1", server, mirrors=mirror)
    with pytest.raises(DataError, match=r"404.*mirror.*SHA-256 is") as caught:
        retrieve("oqmd1", wrong.source, tmp_path / "wrong")
    assert FALLBACK in str(caught.value)
    with pytest.raises(ConfigError, match="mirrors need sha256"):
        retrieve("oqmd1", dataset_of(root, "oqmd1", server, mirrors=mirror, sha256=None).source, tmp_path)


def test_every_fallback_is_another_source_of_its_dataset(root: Path) -> None:
    plain = load({"studies": ["demo"]}, root)
    other_data = {}
    for name, declared in plain.datasets.items():
        fallback = declared.source.options.get("fallback")
        if fallback is None:
            continue
        other = load({"studies": ["demo"]} | read_yaml(root / fallback), root).datasets[name]
        assert other.source.kind != "deposit"
        other_data[name] = other.version != declared.version
    # The copy of one of them has the same rows.
    assert other_data == {"oqmd": True, "oqmd1": True, "oqmd2": True, "critexam_ef": False}


@pytest.mark.parametrize("pinned", [True, False])
def test_changed_file(root: Path, server: Server, tmp_path: Path, pinned: bool) -> None:
    path = server.folder / "oqmd-c.csv"
    path.write_text(OQMD_C)
    digest = hashlib.sha256(OQMD_C.encode()).hexdigest()
    source = dataset_of(root, "oqmd", server, sha256=[digest] if pinned else None).source
    retrieve("oqmd", source, tmp_path)
    path.write_text(OQMD_C.replace("-3.6 ", "-3.5 "))
    (tmp_path / "oqmd-c.csv").unlink()
    reason = "was expected" if pinned else "recorded when it was first retrieved"
    with pytest.raises(DataError, match=f"SHA-256 is .* but {digest} .*{reason}") as caught:
        retrieve("oqmd", source, tmp_path)
    assert FALLBACK in str(caught.value)
    assert not (tmp_path / "oqmd-c.csv").exists()


@pytest.mark.parametrize("pinned", [True, False])
def test_changed_table_in_an_archive(root: Path, server: Server, tmp_path: Path, pinned: bool) -> None:
    put_tar(server.folder / "data.tar.gz", {"data/oqmd_all.data": OQMD_C})
    source = dataset_of(root, "oqmd1", server, sha256=None).source
    if pinned:
        source = dataset_of(root, "oqmd1", server).source  # the digest of the real table
        with pytest.raises(DataError, match=r"oqmd_all\.data: SHA-256 is .* but 0c3181e1"):
            retrieve("oqmd1", source, tmp_path)
        return
    retrieve("oqmd1", source, tmp_path)
    put_tar(server.folder / "data.tar.gz", {"data/oqmd_all.data": OQMD_C.replace("Lu1", "Yb1")})
    (tmp_path / "oqmd_all.data").unlink()
    with pytest.raises(DataError, match=r"data.tar.gz: SHA-256 is .*first retrieved"):
        retrieve("oqmd1", source, tmp_path)


@pytest.mark.parametrize("put", [put_tar, put_zip, put_7z])
def test_archive_without_the_member(
    root: Path, server: Server, tmp_path: Path, put: Callable[[Path, dict[str, str]], None]
) -> None:
    put(server.folder / "data.tar.gz", {"data/oqmd_all.dat": OQMD_C, "data/mp.csv": "x\n"})
    if put is not put_tar:  # whatever its name says
        (server.folder / "data.tar.gz").rename(server.folder / "data.bin")
    url = f"{server.url}/data.tar.gz" if put is put_tar else f"{server.url}/data.bin"
    with pytest.raises(DataError, match=r"has no member oqmd_all.data\. It holds .*data/oqmd_all.dat") as caught:
        retrieve("oqmd1", dataset_of(root, "oqmd1", server, urls=[url]).source, tmp_path)
    assert FALLBACK in str(caught.value)


def test_member_that_is_there_twice(root: Path, server: Server, tmp_path: Path) -> None:
    members = {"holdout/10/oqmd_all.data": OQMD_C, "holdout/20/oqmd_all.data": OQMD_C}
    put_tar(server.folder / "data.tar.gz", members)
    with pytest.raises(DataError, match=r"2 members oqmd_all\.data: holdout/10/oqmd_all\.data"):
        retrieve("oqmd1", dataset_of(root, "oqmd1", server).source, tmp_path)


@pytest.mark.parametrize("cut", [40, 200])
def test_a_part_of_an_archive_is_not_kept(root: Path, server: Server, tmp_path: Path, cut: int) -> None:
    path = server.folder / "oqmd-v1_2-for-cgnn.7z"
    put_7z(path, {"oqmd_dataset/targets.csv": TARGETS * 9})
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with pytest.raises(DataError, match=r"the file is damaged \(its table of contents is missing\)"):
        retrieve("oqmd2", dataset_of(root, "oqmd2", server).source, tmp_path)
    path.write_bytes(whole)
    retrieve("oqmd2", dataset_of(root, "oqmd2", server).source, tmp_path)


def test_damaged_archive(root: Path, server: Server, tmp_path: Path) -> None:
    path = server.folder / "oqmd-v1_2-for-cgnn.7z"
    put_7z(path, {"oqmd_dataset/targets.csv": TARGETS * 9})
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] + bytes(20))
    with pytest.raises(DataError, match="Delete it and run again"):
        retrieve("oqmd2", dataset_of(root, "oqmd2", server).source, tmp_path)


def test_file_that_is_no_archive(root: Path, server: Server, tmp_path: Path) -> None:
    (server.folder / "oqmd-v1_2-for-cgnn.7z").write_text(TARGETS)
    with pytest.raises(DataError, match="no zip, tar or 7z archive"):
        retrieve("oqmd2", dataset_of(root, "oqmd2", server).source, tmp_path)


def test_column_renamed_at_the_source(root: Path, server: Server, tmp_path: Path) -> None:
    (server.folder / "oqmd-c.csv").write_text(OQMD_C.replace("delta_e", "delta_E"))
    with pytest.raises(DataError, match="delta_e") as caught:
        curated("oqmd", dataset_of(root, "oqmd", server), tmp_path)
    message = str(caught.value)
    assert "oqmd-c.csv" in message
    assert "delta_E" in message
