"""Every database source against a local server that plays it, and misbehaves as the real ones do."""

import functools
import gzip
import hashlib
import http.server
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from factories import databases as fake
from factories.databases import KEY, FakeDatabases

from elemflow.chemistry.composition import SYMBOLS, amounts
from elemflow.config import yaml_schema
from elemflow.config.dataset import Dataset, Source
from elemflow.core.errors import ConfigError, DataError
from elemflow.core.files import read_json
from elemflow.curation.curate import curate
from elemflow.curation.job import CurationJob
from elemflow.sources import figshare, jarvis, paging, progress, retries, transfer
from elemflow.sources.journal import JOURNAL, append_record, read_journal
from elemflow.sources.oqmd import Options
from elemflow.sources.records import FileRecord
from elemflow.sources.retrieve import read_raw, retrieve
from elemflow.splits.schemes.column import Column

MEMBER = "jdft_3d-8-18-2021.json"
ROWS = [
    {"jid": "JVASP-1", "formula": "NaCl", "gap": "na", "slme": [], "e": "-1.5", "atoms": {"elements": ["Na", "Cl"]}},
    {"jid": "JVASP-2", "formula": "Si", "gap": 0.61, "slme": "", "e": -0.0, "atoms": {"elements": ["Si", "Si"]}},
]


@pytest.fixture
def databases() -> Iterator[FakeDatabases]:
    with fake.running() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def schema_once() -> Iterator[None]:
    """Keep the schema that mp-api makes for every request again; all it does with it is to check names of fields."""
    from emmet.core.summary import SummaryDoc

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SummaryDoc, "model_json_schema", functools.cache(SummaryDoc.model_json_schema))
        yield


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record pauses instead of waiting; give up early what hangs or stalls."""
    pauses: list[float] = []
    monkeypatch.setattr(retries, "sleep", pauses.append)
    monkeypatch.setattr(transfer, "sleep", pauses.append)
    monkeypatch.setattr(transfer, "STALL", (0.2, 1024.0))
    monkeypatch.setattr(transfer, "_last_request", {})
    monkeypatch.setenv("MP_API_KEY", KEY)
    return pauses


def source_of(**source: Any) -> Source:
    dataset = {
        "title": "Demo",
        "license": "CC BY 4.0",
        "citation": ["someone2020"],
        "source": source,
        "columns": {"formula": "formula"},
        "properties": {"e": {"column": "e", "unit": "eV", "title": "Energy"}},
        "keep": {"rule": "first"},
    }
    yaml_schema.check(dataset, "dataset", "test")
    return Dataset.model_validate(dataset).source


def oqmd(databases: FakeDatabases, **options: Any) -> Source:
    fields = ["name", "delta_e", "volume", "natoms"]
    return source_of(kind="oqmd", base_url=f"{databases.url}/oqmdapi", fields=fields, page_size=3, **options)


def aflow(databases: FakeDatabases, **options: Any) -> Source:
    keywords = ["enthalpy_formation_atom(*)", "species"]
    return source_of(kind="aflow", base_url=f"{databases.url}/API/aflux", keywords=keywords, page_size=3, **options)


def optimade(databases: FakeDatabases, **options: Any) -> Source:
    fields = ["chemical_formula_reduced", "_oqmd_delta_e"]
    return source_of(kind="optimade", base_url=f"{databases.url}/optimade", fields=fields, **{"page_size": 3} | options)


def materials_project(databases: FakeDatabases, **options: Any) -> Source:
    fields = {"fields": ["formula_pretty", "band_gap", "bulk_modulus.vrh", "structure"]}
    return source_of(kind="materials_project", endpoint=databases.url, **{"page_size": 3} | fields | options)


def jarvis_file(databases: FakeDatabases, rows: list[dict[str, Any]] = ROWS, **options: Any) -> Source:
    databases.files["29204826"] = fake.jarvis_zip(rows, MEMBER)
    pin = {"name": "dft_3d_2021", "file_id": 29204826, "member": MEMBER}
    return source_of(kind="jarvis", base_url=f"{databases.url}/files", **pin | options)


PAGED = [oqmd, aflow, optimade, materials_project]
KEYS = {oqmd: "formationenergy_id", aflow: "auid", optimade: "id", materials_project: "material_id"}
QUERIES = {oqmd: "oqmdapi", aflow: "aflux", optimade: "optimade", materials_project: "summary"}


def get(source: Source, folder: Path, **options: Any) -> pd.DataFrame:
    retrieve("demo", source, folder, **options)
    return pd.concat(read_raw("demo", source, folder), ignore_index=True)


def expected_ids(source: Any, entries: int) -> list[str]:
    if source is oqmd:
        return [str(fake.calculation(i)["formationenergy_id"]) for i in range(entries)]
    if source is optimade:
        return list(dict.fromkeys(str(fake.calculation(i)["entry_id"]) for i in range(entries)))
    if source is aflow:
        return [fake.alloy(i)["auid"] for i in range(entries)]
    wanted = [fake.material(i) for i in range(entries)]
    return [m["material_id"] for m in wanted if not m["deprecated"] and m["batch_id"] == "mp"]


def assert_complete(frame: pd.DataFrame, source: Any, entries: int) -> None:
    found = frame[KEYS[source]].tolist()
    assert sorted(found) == sorted(expected_ids(source, entries))


@pytest.mark.parametrize("source", PAGED)
@pytest.mark.parametrize("entries", [1, 3, 10, 12])
def test_no_entry_is_lost_or_doubled(databases: FakeDatabases, tmp_path: Path, source: Any, entries: int) -> None:
    databases.entries = entries
    assert_complete(get(source(databases), tmp_path), source, entries)
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["rows"] == len(expected_ids(source, entries))
    assert sum(record["rows"] for record in manifest["files"]) >= manifest["rows"]
    assert all(record["file"].endswith(".json.gz") for record in manifest["files"])


@pytest.mark.parametrize("source", PAGED)
@pytest.mark.parametrize(
    "trouble", [fake.busy, fake.bad_gateway, fake.truncated, fake.reset, fake.drip, fake.cut_silently]
)
def test_passing_trouble(databases: FakeDatabases, tmp_path: Path, source: Any, trouble: fake.Trouble) -> None:
    databases.trouble(QUERIES[source], trouble)
    assert_complete(get(source(databases), tmp_path), source, 10)


@pytest.mark.parametrize("source", PAGED)
def test_resumed_download_requests_only_what_is_missing(databases: FakeDatabases, tmp_path: Path, source: Any) -> None:
    query = QUERIES[source]
    whole = get(source(databases), tmp_path / "whole")
    pages = databases.pop_requests(query)
    markers = {oqmd: "oqmdapi", aflow: "paging(3,", optimade: "page_offset=6", materials_project: "_page=2"}
    marker = markers[source]
    # OQMD's other rows are asked for too when a page fails, so that the whole server is down after two pages.
    arrived = [fake.answer(lambda document: document)] * 2 if source is oqmd else []
    databases.trouble(marker, *arrived, *[fake.bad_gateway] * 60)
    with pytest.raises(DataError, match="remain"):
        retrieve("demo", source(databases), tmp_path / "raw")
    assert not (tmp_path / "raw" / "manifest.json").exists()
    done = len(list((tmp_path / "raw").glob("*.json.gz")))
    databases.trouble(marker)
    databases.requests.clear()
    resumed = get(source(databases), tmp_path / "raw")
    assert len(databases.pop_requests(query)) == len(pages) - done < len(pages)
    pd.testing.assert_frame_equal(resumed, whole)
    get(source(databases), tmp_path / "raw")
    assert databases.pop_requests(query) == []


def test_damaged_page_is_fetched_again(databases: FakeDatabases, tmp_path: Path) -> None:
    whole = get(oqmd(databases), tmp_path)
    page = tmp_path / "part_01_page_000002.json.gz"
    page.write_bytes(page.read_bytes()[:-3])
    databases.requests.clear()
    pd.testing.assert_frame_equal(get(oqmd(databases), tmp_path), whole)
    assert len(databases.pop_requests("oqmd")) == 1


def test_pages_of_another_query_do_not_mix(databases: FakeDatabases, tmp_path: Path) -> None:
    get(oqmd(databases, parts=["ntypes=2", "ntypes=3"]), tmp_path)
    frame = get(oqmd(databases, parts=["ntypes=2"]), tmp_path)
    assert len(frame) == 5
    named = {record["file"] for record in read_json(tmp_path / "manifest.json")["files"]}
    assert {path.name for path in tmp_path.glob("*.gz")} == named


@pytest.mark.parametrize("source", [oqmd, optimade, materials_project])
def test_changed_total_while_paging(databases: FakeDatabases, tmp_path: Path, source: Any) -> None:
    grown: list[int] = []

    def grow(handler: fake.Handler, body: bytes) -> None:
        databases.entries += 7
        grown.append(1)
        handler.send(200, body)

    # In the second part of the Materials Project, which has several pages; each part is one state by itself.
    databases.trouble("nelements_min=2" if source is materials_project else QUERIES[source], grow)
    frame = get(source(databases), tmp_path)
    if source is materials_project:
        frame = frame[~frame["formula_pretty"].isin(fake.METALS)]
        assert len(frame) == sum(i not in {7, 8} and i % 5 > 0 for i in range(17))
    else:
        assert_complete(frame, source, 17)
    assert grown == [1]


def test_only_the_pages_from_before_a_change_are_fetched_again(databases: FakeDatabases, tmp_path: Path) -> None:
    def grow(handler: fake.Handler, body: bytes) -> None:
        databases.entries += 7
        handler.send(200, body)

    databases.trouble("oqmdapi", fake.answer(lambda document: document), grow)
    assert_complete(get(oqmd(databases), tmp_path), oqmd, 17)
    asked = [line.partition("offset=")[2].partition("&")[0] for line in databases.requests]
    assert asked == ["0", "3", "6", "9", "12", "15", "0", "3"]


def test_database_that_never_holds_still(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.total_grows = 1
    with pytest.raises(DataError, match=r"number of entries changed .* 3 times in a row"):
        retrieve("demo", oqmd(databases), tmp_path)
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("source", [oqmd, optimade, materials_project])
def test_rows_withheld(databases: FakeDatabases, tmp_path: Path, source: Any) -> None:
    def withhold(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"data": document["data"][1:]}

    databases.trouble(QUERIES[source], fake.answer(withhold))
    assert_complete(get(source(databases), tmp_path), source, 10)
    assert sum("page" in line or "offset=0" in line for line in databases.requests) >= 2


def test_page_that_repeats(databases: FakeDatabases, tmp_path: Path) -> None:
    first: list[Any] = []

    def repeat(document: list[Any]) -> list[Any]:
        first.extend([] if first else document)
        return first

    databases.trouble("aflux", *[fake.answer(repeat)] * 5)
    with pytest.raises(DataError, match="only entries of the pages before"):
        retrieve("demo", aflow(databases), tmp_path)
    databases.trouble("aflux")
    assert_complete(get(aflow(databases), tmp_path), aflow, 10)


def test_link_that_repeats(databases: FakeDatabases, tmp_path: Path) -> None:
    def circle(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"links": {"next": f"{databases.url}/optimade/v1/structures?page_limit=3&page_offset=3"}}

    databases.trouble("page_offset=3", fake.answer(circle))
    with pytest.raises(DataError, match="for the second time"):
        retrieve("demo", optimade(databases), tmp_path)
    assert_complete(get(optimade(databases), tmp_path), optimade, 10)


def test_optimade_links_as_objects(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.optimade_objects = True
    assert_complete(get(optimade(databases), tmp_path), optimade, 10)


def test_optimade_filter_is_checked_first(databases: FakeDatabases, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no OPTIMADE filter"):
        retrieve("demo", optimade(databases, parts=["nelements IS 2"]), tmp_path)
    assert databases.requests == []


def test_optimade_errors(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.trouble("optimade", fake.answer(lambda _: {"errors": [{"detail": "no such attribute"}], "meta": {}}))
    with pytest.raises(DataError, match="no such attribute"):
        retrieve("demo", optimade(databases), tmp_path)


@pytest.mark.parametrize("counts", [False, True])
def test_aflow_in_both_shapes(
    databases: FakeDatabases, tmp_path: Path, caplog: pytest.LogCaptureFixture, counts: bool
) -> None:
    databases.aflux_counts = counts
    caplog.set_level(logging.INFO)
    frame = get(aflow(databases, parts=["catalog(ICSD)", "catalog(LIB2)"]), tmp_path)
    assert_complete(frame, aflow, 10)
    assert "AFLOW catalog(ICSD): 5 entries on 2 pages" in caplog.text
    assert frame["enthalpy_formation_atom"].astype(float).sum() == pytest.approx(-5)
    assert frame["species"][0] == '["Li", "O"]'
    assert "/?auid,enthalpy_formation_atom(*),species,catalog(ICSD),$paging(1,3),$format(json)" in databases.requests[0]


def test_aflow_in_one_part_per_element(databases: FakeDatabases, tmp_path: Path) -> None:
    frame = get(aflow(databases, parts=["catalog(ICSD),species({element})", "catalog(LIB2)"]), tmp_path)
    assert_complete(frame, aflow, 10)
    first = [request for request in databases.requests if "species(" in request and "$paging(1,3)" in request]
    assert len(first) == len(SYMBOLS)
    # The condition shows the species; a second term of the same name would not be understood.
    query = "/?auid,enthalpy_formation_atom(*),catalog(ICSD),species({}),$paging(1,3),$format(json)"
    assert {query.format(symbol) for symbol in ("H", "Na", "Pu")} <= {
        request[request.index("/?") :] for request in first
    }


def test_aflow_null_body(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.trouble("aflux", fake.null)
    assert_complete(get(aflow(databases), tmp_path), aflow, 10)


def test_oqmd_volume_per_atom(databases: FakeDatabases, tmp_path: Path) -> None:
    frame = get(oqmd(databases, icsd=True), tmp_path)
    assert frame["volume_per_atom"][:2].tolist() == ["10.0", "10.5"]
    assert "icsd=True" in databases.requests[0]


def test_oqmd_parts_have_a_flag_and_a_label_each(databases: FakeDatabases, tmp_path: Path) -> None:
    parts = {"parts": ["ntypes=2", "ntypes>2", 'spacegroup="Pm-3m" AND natoms=2'], "labels": ["train", "train", "B2"]}
    frame = get(oqmd(databases, icsd_by_part=[True, True, False], **parts), tmp_path)
    assert frame["part"].value_counts().to_dict() == {"train": 10, "B2": 1}
    assert frame["name"].tolist()[-1] == "LiHg"
    flags = ["icsd=True" in request for request in databases.requests]
    assert flags == [True] * 4 + [False]
    relabelled = oqmd(databases, icsd_by_part=[True, True, False], parts=parts["parts"], labels=["a", "b", "c"])
    databases.requests.clear()
    assert sorted(get(relabelled, tmp_path)["part"].unique()) == ["a", "b", "c"]
    assert databases.requests == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"icsd_by_part": [True, False]}, "parts has 3 entries and icsd_by_part 2"),
        ({"labels": ["train"]}, "parts has 3 entries and labels 1"),
        ({"icsd": True, "icsd_by_part": [True, True, False]}, "icsd and icsd_by_part are given"),
    ],
)
def test_oqmd_keys_of_parts_fit_the_parts(options: dict[str, Any], message: str) -> None:
    source = source_of(kind="oqmd", fields=["name"], parts=["ntypes=2", "ntypes=3", "ntypes>3"], **options)
    with pytest.raises(ConfigError, match=message):
        Options.of("demo", source)


def oqmd_with_sites(databases: FakeDatabases, **options: Any) -> Source:
    fields = ["name", "delta_e", "unit_cell", "sites"]
    return source_of(kind="oqmd", base_url=f"{databases.url}/oqmdapi", fields=fields, **options)


def test_oqmd_asks_for_fewer_rows_with_structures(databases: FakeDatabases, tmp_path: Path) -> None:
    get(oqmd_with_sites(databases), tmp_path)
    assert "limit=200&offset=0" in databases.requests[0]
    get(source_of(kind="oqmd", base_url=f"{databases.url}/oqmdapi", fields=["name"]), tmp_path)
    assert "limit=1000&offset=0" in databases.requests[-1]


@pytest.mark.parametrize("bad", [0, 7, 9])
def test_oqmd_row_that_cannot_be_had(databases: FakeDatabases, tmp_path: Path, bad: int) -> None:
    databases.oqmd_broken = {bad}
    frame = get(oqmd_with_sites(databases, page_size=4), tmp_path)
    lost = fake.calculation(bad)
    assert len(frame) == 9
    assert str(lost["formationenergy_id"]) not in set(frame["formationenergy_id"])
    records = read_json(tmp_path / "manifest.json")["files"]
    assert [len(record.get("unreadable", [])) for record in records] == [int(i == bad // 4) for i in range(3)]
    [named] = [text for record in records for text in record.get("unreadable", [])]
    assert f"row {bad}" in named
    assert f"entry_id {lost['entry_id']}, formationenergy_id {lost['formationenergy_id']}" in named
    databases.requests.clear()
    pd.testing.assert_frame_equal(get(oqmd_with_sites(databases, page_size=4), tmp_path), frame)
    assert databases.requests == []


def test_oqmd_row_without_even_its_ids(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.oqmd_broken = {5}
    databases.oqmd_broken_ids = True
    assert len(get(oqmd_with_sites(databases, page_size=4), tmp_path)) == 9
    records = read_json(tmp_path / "manifest.json")["files"]
    assert "of unknown ids" in records[1]["unreadable"][0]


def test_oqmd_outage_is_no_bad_row(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.trouble("offset=4", *[fake.bad_gateway] * 7)  # the page, the probe, and the page's first half
    assert len(get(oqmd_with_sites(databases, page_size=4), tmp_path)) == 10
    assert "unreadable" not in (tmp_path / "manifest.json").read_text()
    databases.trouble("offset", *[fake.bad_gateway] * 1000)
    with pytest.raises(DataError, match=f"{retries.ATTEMPTS} attempts"):
        retrieve("demo", oqmd_with_sites(databases, page_size=4), tmp_path / "down")
    assert not list((tmp_path / "down").glob("*.gz"))


def test_oqmd_pages_that_are_too_large(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.entries, databases.oqmd_limit = 300, 60
    frame = get(oqmd_with_sites(databases, page_size=100), tmp_path)
    assert_complete(frame, oqmd, 300)
    # The first page shows what the server can do; the others are asked for in such pieces from the start.
    assert sum("limit=100" in request for request in databases.requests) == 2
    assert len(list(tmp_path.glob("*.gz"))) == 3


def test_oqmd_short_page_loses_nothing(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.trouble("offset=4", fake.answer(lambda document: document | {"data": document["data"][:1]}))
    assert_complete(get(oqmd_with_sites(databases, page_size=4), tmp_path), oqmd, 10)
    assert any("offset=5" in request for request in databases.requests)


def test_requests_to_a_host_are_spaced(databases: FakeDatabases, tmp_path: Path, slept: list[float]) -> None:
    get(oqmd(databases, pause=7), tmp_path)
    assert len(slept) == 3
    assert all(5 < pause <= 7 for pause in slept)


def test_web_page_in_place_of_an_answer(databases: FakeDatabases, tmp_path: Path) -> None:
    for trouble in (fake.web_page, fake.robot_wall):
        databases.trouble("oqmd", trouble)
        with pytest.raises(DataError, match=r"web page|202"):
            retrieve("demo", oqmd(databases), tmp_path)
    assert not list(tmp_path.glob("*.gz"))


def curated(
    root: Path, name: str, tmp_path: Path, overlay: dict[str, Any] | None = None, **changes: Any
) -> pd.DataFrame:
    """Retrieve and curate one of our datasets, its source pointed at the local server."""
    declared = yaml_schema.read_yaml(root / "config/datasets" / f"{name}.yaml")
    if "extends" in declared:
        base = yaml_schema.read_yaml(root / "config/datasets" / f"{declared.pop('extends')}.yaml")
        declared = yaml_schema.merge(base, declared)
    missing = (overlay or {}).get("missing_properties", {})
    declared = yaml_schema.merge(declared, {k: v for k, v in (overlay or {}).items() if k != "missing_properties"})
    declared["properties"] = {key: value for key, value in declared["properties"].items() if key not in missing}
    declared["source"] |= changes
    yaml_schema.check(declared, "dataset", name)
    dataset = Dataset.model_validate(declared)
    retrieve(name, dataset.source, tmp_path / "raw")
    outputs = {key: tmp_path / f"{key}.parquet" for key in ("entries", "materials", "rejected")}
    curate(CurationJob(name, dataset, tmp_path / "raw", **outputs, report=tmp_path / "curation.json"))
    return pd.read_parquet(outputs["materials"])


def test_our_oqmd_icsd(databases: FakeDatabases, root: Path, tmp_path: Path) -> None:
    materials = curated(root, "oqmd_icsd", tmp_path, base_url=f"{databases.url}/oqmdapi")
    assert sorted(materials["entry_id"]) == sorted(str(fake.calculation(i)["entry_id"]) for i in range(10))
    assert pd.read_parquet(tmp_path / "rejected.parquet").empty
    assert materials["volume_per_atom"].min() == 10
    assert materials["structure"].notna().all()


def test_our_oqmd_icsd_and_prototypes(databases: FakeDatabases, root: Path, tmp_path: Path) -> None:
    """Each protocol of Table 5 of irnet2019 trains on what is of the ICSD and tests on one prototype."""
    materials = curated(root, "oqmd_icsd_prototypes", tmp_path, base_url=f"{databases.url}/oqmdapi")
    tested = {"b2": "LiHg", "l1_0": "NaAu", "perovskite": "KTiO3"}
    assert len(materials) == 10 + len(tested)
    for name, formula in tested.items():
        path = root / "config/protocols" / f"irnet2019_search_{name}.yaml"
        scheme = Column.model_validate(yaml_schema.read_yaml(path)["split"])
        labels = scheme.labels(materials["material_id"].tolist(), materials["part"].tolist(), None, name)
        assert (labels == "train").sum() == 10
        [composition] = materials.loc[labels == "test", "composition"]
        assert amounts(composition) == amounts(formula)
        assert (labels == "none").sum() == 2


def test_our_oqmd_bulk_copies(databases: FakeDatabases, root: Path, tmp_path: Path) -> None:
    rows = [
        {
            "_oqmd_entry_id": i,
            "_oqmd_delta_e": energy,
            "_oqmd_band_gap": 0,
            "_oqmd_stability": 0.1 if i else "na",
            "desc": [1.5] * 9,
            "atoms": {
                "lattice_mat": [[edge, 0, 0], [0, edge, 0], [0, 0, edge]],
                "coords": [[0, 0, 0], [0.5, 0.5, 0.5]],
                "elements": ["Cs", "Cl"],
                "cartesian": False,
            },
        }
        for i, (energy, edge) in enumerate([(-1.0, 4.0), (-98.0, 4.0), (-2.0, 4.2), (-1.9, 4.2)])
    ]
    databases.files["26790182"] = fake.jarvis_zip(rows, "all_oqmd.json")
    overlay = yaml_schema.read_yaml(root / "config/overlays/oqmd_jarvis.yaml")["overrides"]["datasets"]["oqmd"]
    lowest = curated(root, "oqmd", tmp_path / "oqmd", overlay, base_url=f"{databases.url}/files")
    assert lowest["entry_id"].tolist() == ["2"]  # not the spurious one of -98 eV/atom
    assert lowest["volume_per_atom"][0] == pytest.approx(4.2**3 / 2)


def test_our_aflow(databases: FakeDatabases, root: Path, tmp_path: Path) -> None:
    databases.aflux_counts = True
    materials = curated(root, "aflow", tmp_path, base_url=f"{databases.url}/API/aflux")
    assert len(materials) == 10
    assert materials["density"].tolist() == [3.5] * 10


# Materials Project


def test_materials_project_columns_and_provenance(databases: FakeDatabases, tmp_path: Path) -> None:
    frame = get(materials_project(databases), tmp_path).set_index("material_id")
    assert list(frame.columns) == ["formula_pretty", "band_gap", "bulk_modulus.vrh", "structure"]
    assert frame.loc["mp-1", "bulk_modulus.vrh"] == "101.0"
    assert frame.loc["mp-2", "bulk_modulus.vrh"] == ""
    assert frame.loc["mp-3", "band_gap"] == ""
    assert json.loads(frame.loc["mp-2", "structure"])["@class"] == "Structure"
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["database_version"] == "2025_11_15"
    queries = databases.pop_requests("summary")
    assert all("deprecated=False" in query and "batch_id_not_eq=gnome" in query for query in queries)


def test_release_while_fetching(databases: FakeDatabases, tmp_path: Path) -> None:
    # We request it once, the client twice when it starts; the fourth time is after the last page.
    same = fake.answer(lambda document: document)
    released = fake.answer(lambda document: document | {"db_version": "2026_01_01"})
    databases.trouble("heartbeat", same, same, same, released)
    with pytest.raises(DataError, match="2026_01_01 was released"):
        retrieve("demo", materials_project(databases), tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def test_service_without_a_release(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.trouble("heartbeat", fake.answer(lambda document: document | {"db_version": ""}))
    with pytest.raises(DataError, match="db_version"):
        retrieve("demo", materials_project(databases), tmp_path)
    assert databases.pop_requests("summary") == []


def test_pages_of_structures_are_small(databases: FakeDatabases, tmp_path: Path) -> None:
    get(materials_project(databases, page_size=None), tmp_path)
    assert "_per_page=250" in databases.pop_requests("summary")[0]
    get(materials_project(databases, page_size=None, fields=["band_gap"]), tmp_path)
    assert "_per_page=1000" in databases.pop_requests("summary")[0]


def test_gnome_entries_on_request(databases: FakeDatabases, tmp_path: Path) -> None:
    assert "mp-7" not in get(materials_project(databases), tmp_path)["material_id"].tolist()
    assert "mp-7" in get(materials_project(databases, include_gnome=True), tmp_path)["material_id"].tolist()


def everything_written(folder: Path) -> str:
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return "\n".join(
        f"{path.name}" + (gzip.decompress(text) if text[:2] == b"\x1f\x8b" else text).decode("utf-8", "replace")
        for path, text in zip((p for p in folder.rglob("*") if p.is_file()), texts, strict=True)
    )


@pytest.mark.parametrize("trouble", [None, fake.bad_gateway, fake.truncated, fake.reset, fake.busy])
def test_key_is_in_the_header_only(
    databases: FakeDatabases,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    trouble: fake.Trouble | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    shown_error = ""
    if trouble:
        databases.trouble("summary", *[trouble] * 100)
        with pytest.raises(DataError) as caught:
            retrieve("demo", materials_project(databases), tmp_path)
        shown_error = "".join(traceback.format_exception(caught.value))
    else:
        get(materials_project(databases), tmp_path)
    assert any(KEY in headers.values() for headers in databases.headers)
    shown = capfd.readouterr()
    for text in (shown_error, caplog.text, shown.out, shown.err, everything_written(tmp_path), *databases.requests):
        assert KEY not in text


def test_refused_key_is_not_repeated(
    databases: FakeDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = "wrong0123456789abcdefABCDEF98765"
    monkeypatch.setenv("MP_API_KEY", other)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DataError, match="rejects the key in MP_API_KEY") as caught:
        retrieve("demo", materials_project(databases), tmp_path)
    assert other not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert other not in everything_written(tmp_path)
    monkeypatch.setenv("MP_API_KEY", "short")
    with pytest.raises(DataError, match="32 characters"):
        retrieve("demo", materials_project(databases), tmp_path)


def test_missing_key(databases: FakeDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MP_API_KEY")
    with pytest.raises(DataError, match="export it as MP_API_KEY"):
        retrieve("demo", materials_project(databases), tmp_path)
    assert databases.pop_requests("summary") == []


def test_unknown_field(databases: FakeDatabases, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="formula_prety"):
        retrieve("demo", materials_project(databases, fields=["formula_prety"]), tmp_path)


# JARVIS


def test_jarvis_file_is_compared_with_what_figshare_states(
    databases: FakeDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(figshare, "ARTICLES", f"{databases.url}/v2/articles")
    source = jarvis_file(databases, article=6815699)
    content = databases.files["29204826"]
    stated = {"id": 29204826, "size": len(content), "computed_md5": hashlib.md5(content).hexdigest()}
    databases.articles = [stated | {"size": 7}]
    with pytest.raises(DataError, match=f"has 7 bytes .* {len(content)} bytes"):
        retrieve("demo", source, tmp_path)
    assert not list(tmp_path.iterdir())
    databases.articles = [stated]
    assert len(get(source, tmp_path)) == 2
    assert not caplog.records
    assert len(databases.pop_requests("articles/6815699/files")) == 2
    get(source, tmp_path)
    assert databases.requests == []
    databases.articles = []
    assert len(get(source, tmp_path / "unlisted")) == 2
    assert "cannot be compared" in caplog.text


def test_jarvis_rows(databases: FakeDatabases, tmp_path: Path) -> None:
    frame = get(jarvis_file(databases), tmp_path)
    assert frame.to_dict("list") == {
        "jid": ["JVASP-1", "JVASP-2"],
        "formula": ["NaCl", "Si"],
        "gap": ["", "0.61"],
        "slme": ["", ""],
        "e": ["-1.5", "-0.0"],
        "atoms": ['{"elements": ["Na", "Cl"]}', '{"elements": ["Si", "Si"]}'],
    }
    (record,) = read_json(tmp_path / "manifest.json")["files"]
    assert record["file"] == f"{MEMBER}.zip"
    assert record["final_url"] == f"{databases.url}/stored/29204826/data"


def test_jarvis_formula_of_the_cell(databases: FakeDatabases, tmp_path: Path) -> None:
    rows = [{"_oqmd_entry_id": 7, "atoms": {"elements": ["Na ", "Cl", "Na "]}}]
    assert get(jarvis_file(databases, rows), tmp_path)["formula"].tolist() == ["Na2Cl1"]


def test_jarvis_name_that_changed_its_meaning(databases: FakeDatabases, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="now called 'dft_3d_2021'"):
        retrieve("demo", jarvis_file(databases, name="dft_3d"), tmp_path)
    with pytest.raises(ConfigError, match="Did you mean 'dft_3d_2021'"):
        retrieve("demo", jarvis_file(databases, name="dft_3d_2O21"), tmp_path)
    assert databases.requests == []


def test_jarvis_table_is_where_our_datasets_point(root: Path) -> None:
    declared = [yaml_schema.read_yaml(path) for path in (root / "config/datasets").glob("*.yaml")]
    found = [dataset["source"] for dataset in declared if "source" in dataset]  # others extend one of these
    ours = [Source.model_validate(source) for source in found if source.get("kind") == "jarvis"]
    assert ours
    for source in ours:
        options = jarvis.Options.of("test", source)
        assert jarvis.pinned_file(options.name) == (options.file_id, options.member)


def test_corrupt_file_never_gets_its_final_name(databases: FakeDatabases, tmp_path: Path) -> None:
    for troubles in (
        [fake.cut_silently] * 10,
        [fake.truncated] * 10,
        [fake.robot_wall],
        [fake.web_page],
        [fake.reset] * 10,
    ):
        databases.trouble("/stored", *troubles)
        with pytest.raises(DataError):
            retrieve("demo", jarvis_file(databases), tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == []
    with pytest.raises(DataError, match="SHA-256"):
        retrieve("demo", jarvis_file(databases, sha256="0" * 64), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == []
    databases.trouble("/stored", fake.cut_silently, fake.drip)
    assert len(get(jarvis_file(databases), tmp_path)) == 2


def test_unknown_digest_is_pinned_at_the_first_retrieval(databases: FakeDatabases, tmp_path: Path) -> None:
    dataset = jarvis_file(databases)
    get(dataset, tmp_path)
    path = tmp_path / f"{MEMBER}.zip"
    databases.requests.clear()
    get(dataset, tmp_path)
    assert databases.requests == []
    path.unlink()
    jarvis_file(databases, ROWS[:1])  # the file at the same address is another one now
    with pytest.raises(DataError, match="was recorded when it was first retrieved"):
        retrieve("demo", dataset, tmp_path)
    assert not path.exists()
    new = hashlib.sha256(databases.files["29204826"]).hexdigest()
    assert len(get(jarvis_file(databases, ROWS[:1], sha256=new), tmp_path)) == 1


def test_wrong_member(databases: FakeDatabases, tmp_path: Path) -> None:
    dataset = jarvis_file(databases)
    databases.files["29204826"] = fake.jarvis_zip(ROWS, "other.json")
    with pytest.raises(DataError, match=r"holds other\.json"):
        retrieve("demo", dataset, tmp_path)


# Mirror


@pytest.mark.parametrize("source", [*PAGED, jarvis_file])
def test_mirror_needs_no_other_server(databases: FakeDatabases, tmp_path: Path, source: Any) -> None:
    dataset = source(databases)
    first = get(dataset, tmp_path / "raw" / "demo")
    databases.requests.clear()
    second = get(dataset, tmp_path / "second", mirror=str(tmp_path / "raw"))
    assert databases.requests == []
    pd.testing.assert_frame_equal(second, first)
    manifests = [(tmp_path / folder / "manifest.json").read_bytes() for folder in ("raw/demo", "second")]
    assert manifests[0] == manifests[1]


def test_pages_from_before_do_not_mix_with_the_mirror(databases: FakeDatabases, tmp_path: Path) -> None:
    get(oqmd(databases), tmp_path / "second")
    databases.entries = 3
    first = get(oqmd(databases), tmp_path / "raw" / "demo")
    second = get(oqmd(databases), tmp_path / "second", mirror=str(tmp_path / "raw"))
    pd.testing.assert_frame_equal(second, first)


def test_mirror_at_an_address(tmp_path: Path, databases: FakeDatabases) -> None:
    first = get(oqmd(databases), tmp_path / "raw" / "demo")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "raw"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        mirror = f"http://127.0.0.1:{server.server_port}/"
        databases.requests.clear()
        pd.testing.assert_frame_equal(get(oqmd(databases), tmp_path / "second", mirror=mirror), first)
        assert databases.requests == []
    finally:
        server.shutdown()
        server.server_close()


def test_mirror_that_does_not_fit(databases: FakeDatabases, tmp_path: Path) -> None:
    dataset, mirror = jarvis_file(databases), str(tmp_path / "raw")
    with pytest.raises(DataError, match="The mirror has no"):
        retrieve("demo", dataset, tmp_path / "second", mirror)
    get(dataset, tmp_path / "raw" / "demo")
    with pytest.raises(DataError, match="another source"):
        retrieve("demo", oqmd(databases), tmp_path / "second", mirror)
    (tmp_path / "raw" / "demo" / f"{MEMBER}.zip").write_bytes(b"PK changed")
    with pytest.raises(DataError, match="SHA-256"):
        retrieve("demo", dataset, tmp_path / "second", mirror)
    assert list((tmp_path / "second").iterdir()) == []


def test_mirror_names_no_file_elsewhere(databases: FakeDatabases, tmp_path: Path) -> None:
    dataset = jarvis_file(databases)
    get(dataset, tmp_path / "raw" / "demo")
    manifest = tmp_path / "raw" / "demo" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f"{MEMBER}.zip", "../escape.zip"))
    with pytest.raises(DataError, match="not in its folder"):
        retrieve("demo", dataset, tmp_path / "second", str(tmp_path / "raw"))


def test_data_of_the_packages_need_no_mirror(tmp_path: Path) -> None:
    dataset = source_of(kind="miedema", elements=["Ti", "Zr"], fractions=[0.5])
    assert len(get(dataset, tmp_path / "raw", mirror=str(tmp_path / "nowhere"))) == 3


# The journal and the log


def test_torn_line_of_the_journal(tmp_path: Path) -> None:
    def record(file: str, sha256: str) -> FileRecord:
        return FileRecord(url="", final_url="", file=file, bytes=1, sha256=sha256, retrieved="2026-01-01")

    append_record(tmp_path, record("a.zip", "1"))
    with (tmp_path / JOURNAL).open("a") as stream:
        stream.write('{"file": "b.zi')
    append_record(tmp_path, record("c.zip", "2"))
    append_record(tmp_path, record("a.zip", "3"))
    assert {name: found.sha256 for name, found in read_journal(tmp_path).items()} == {"a.zip": "3", "c.zip": "2"}


def test_progress_shows_rate_and_time_left(
    databases: FakeDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bar = progress.Progress("data.zip", 900_000_000, "MB", 1e6)
    bar.held = 100_000_000
    bar.add(200_000_000)
    assert bar.line(100) == "data.zip: 300 of 900 MB, 2.0 MB/s, 5 min left"
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    caplog.set_level(logging.INFO)
    get(oqmd(databases), tmp_path)
    assert "OQMD all: 6 of 10 entries" in caplog.text


def test_page_files_are_byte_stable(databases: FakeDatabases, tmp_path: Path) -> None:
    for name in ("a", "b"):
        get(aflow(databases), tmp_path / name)
    for page in (tmp_path / "a").glob("*.gz"):
        assert page.read_bytes() == (tmp_path / "b" / page.name).read_bytes()
    assert paging.ROUNDS == 3


def test_entries_without_an_id_are_not_taken_for_one(tmp_path: Path) -> None:
    pages = [
        paging.Page([{"id": 1, "e": 0.5}, {"id": 2, "e": 1}], None, None),
        paging.Page([{"e": 2}, {"e": 3}], None, None),
    ]
    for number, page in enumerate(pages, start=1):
        paging._save(tmp_path / f"part_01_page_{number:06d}.json.gz", page)
    with pytest.raises(DataError, match=r"page_000002.*: 2 of 2 entries have no 'id'"):
        list(paging.read_pages(tmp_path, ["id", "e"], "id"))


def test_json_is_recognised_by_its_body(databases: FakeDatabases, tmp_path: Path) -> None:
    """AFLUX is written in PHP, whose default type is text/html."""
    databases.trouble("aflux", *[fake.json_as_html] * 20)
    assert_complete(get(aflow(databases), tmp_path), aflow, 10)


def test_short_page_of_aflux_does_not_end_a_part(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.trouble("paging(2,", fake.answer(lambda rows: rows[:1]))
    assert_complete(get(aflow(databases), tmp_path), aflow, 10)


def test_empty_page_of_aflux_does_not_end_a_part(databases: FakeDatabases, tmp_path: Path) -> None:
    databases.trouble("paging(2,", fake.answer(lambda _: []))
    assert_complete(get(aflow(databases), tmp_path), aflow, 10)


def test_failure_of_the_database_of_aflux_is_named(
    databases: FakeDatabases, tmp_path: Path, slept: list[float]
) -> None:
    databases.trouble("aflux", *[fake.db_fail] * 20)
    with pytest.raises(DataError, match=r"DB Fail.* 10 attempts"):
        get(aflow(databases), tmp_path)
    assert len([pause for pause in slept if pause > 1]) == 9
    assert 400 < sum(slept) < 900
    assert max(slept) < 1.3 * retries.LONGEST_PAUSE


def test_totals_per_page_are_not_those_of_the_query(databases: FakeDatabases, tmp_path: Path) -> None:
    """So OQMD's OPTIMADE answered until 2021."""

    def per_page(document: dict[str, Any]) -> dict[str, Any]:
        document["meta"]["data_returned"] = len(document["data"])
        return document

    databases.trouble("optimade", *[fake.answer(per_page)] * 20)
    frame = get(optimade(databases), tmp_path)
    assert_complete(frame, optimade, 10)


@pytest.mark.parametrize("links", [{"next": None}, None])
def test_more_entries_without_a_next_page_are_not_lost(databases: FakeDatabases, tmp_path: Path, links: Any) -> None:
    def without_link(document: dict[str, Any]) -> dict[str, Any]:
        document["meta"]["data_returned"] = len(document["data"])
        return document | {"links": links}

    databases.trouble("optimade", fake.answer(without_link))
    with pytest.raises(DataError, match="more entries than the 3 of this page, but names no next page"):
        retrieve("demo", optimade(databases), tmp_path)


def test_a_whole_answer_needs_no_links(databases: FakeDatabases, tmp_path: Path) -> None:
    def without_links(document: dict[str, Any]) -> dict[str, Any]:
        del document["links"]
        return document

    databases.trouble("optimade", fake.answer(without_links))
    assert_complete(get(optimade(databases, page_size=100), tmp_path), optimade, 10)


def test_relative_link_to_the_next_page(databases: FakeDatabases, tmp_path: Path) -> None:
    def relative(document: dict[str, Any]) -> dict[str, Any]:
        link = document["links"]["next"]
        document["links"]["next"] = link and link.removeprefix(databases.url)
        return document

    databases.trouble("optimade", *[fake.answer(relative)] * 20)
    assert_complete(get(optimade(databases), tmp_path), optimade, 10)


def test_refusal_gives_the_reason_of_the_service(databases: FakeDatabases, tmp_path: Path) -> None:
    """optimade-python-tools answers so to a page_limit above its maximum."""
    databases.trouble("optimade", fake.forbidden)
    with pytest.raises(DataError, match="Max allowed page_limit is 500"):
        get(optimade(databases), tmp_path)


def test_sender_is_named(databases: FakeDatabases, tmp_path: Path) -> None:
    get(oqmd(databases), tmp_path)
    assert databases.headers[0]["User-Agent"].startswith("elemflow")


def test_ids_of_the_materials_project_are_legacy(databases: FakeDatabases, tmp_path: Path) -> None:
    get(materials_project(databases), tmp_path)
    assert all("id_format=legacy" in request for request in databases.pop_requests("summary"))
