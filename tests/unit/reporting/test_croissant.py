"""The description of a curated dataset has what Croissant 1.0 requires, and says what the files say."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from factories.curation import curated, declared, energy

from elemflow.core.errors import ConfigError
from elemflow.core.files import JsonObject, sha256_file, write_json
from elemflow.reporting.croissant import CONTEXT, DatasetFiles, describe

REFERENCES = "@article{own2026, author={Own, Ann and Team}, title={T}, journal={J}, year={2026}, doi={10.1/x}}"
TABLE = "formula,e,g,set\nNaCl,-2,,train\nKCl,-1.5,3,test\nNaCl,-1,1,train\n"
REQUIRED = {"@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished"}
REQUIRED_OF_FILE = {"@type", "@id", "name", "contentUrl", "encodingFormat", "sha256"}
REQUIRED_OF_FIELD = {"@type", "@id", "name", "description", "dataType", "source"}


@pytest.fixture
def files(tmp_path: Path) -> DatasetFiles:
    """Files of a dataset of two materials."""
    (tmp_path / "t.csv").write_text(TABLE)
    properties = {"energy": energy(), "gap": {"column": "g", "unit": "1", "title": ""}}
    columns = {"formula": "formula", "splits": ["set"]}
    curated(tmp_path, declared(tmp_path / "t.csv", columns=columns, properties=properties))
    about = {"title": "Salts", "version": "of 2026", "license": "CC BY 4.0", "citation": ["own2026"]}
    write_json(tmp_path / "about.json", about)
    (tmp_path / "references.bib").write_text(REFERENCES)
    return DatasetFiles(
        about=tmp_path / "about.json",
        funnel=tmp_path / "curation.json",
        materials=tmp_path / "materials.parquet",
        manifest=tmp_path / "raw/manifest.json",
        references=[tmp_path / "references.bib"],
    )


def _described(files: DatasetFiles) -> JsonObject:
    return describe("salts", files, {"energy": "Energy", "gap": ""})


def test_what_croissant_requires_is_there(files: DatasetFiles) -> None:
    found = _described(files)
    assert set(found) >= REQUIRED
    assert all(found[key] for key in REQUIRED)
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert found["@type"] == "sc:Dataset"
    (file,) = found["distribution"]
    assert set(file) >= REQUIRED_OF_FILE
    (records,) = found["recordSet"]
    ids = [field["@id"] for field in records["field"]]
    assert len(set(ids)) == len(ids)
    assert records["key"]["@id"] in ids
    for field in records["field"]:
        assert set(field) >= REQUIRED_OF_FIELD
        assert field["@id"] == f"materials/{field['name']}"
        assert field["source"]["fileObject"]["@id"] == file["@id"]


def test_every_term_is_in_the_context_or_of_schema_org(files: DatasetFiles) -> None:
    of_schema = {
        *("name", "alternateName", "description", "license", "url", "creator", "datePublished", "version", "keywords"),
        *("distribution", "contentUrl", "contentSize", "encodingFormat", "sha256", "unitText"),
    }

    def terms(node: object) -> set[str]:
        if isinstance(node, dict):
            return {key for key in node if key[0] != "@"} | {t for value in node.values() for t in terms(value)}
        return {t for each in node for t in terms(each)} if isinstance(node, list) else set()

    found = _described(files)
    assert terms({key: value for key, value in found.items() if key != "@context"}) <= of_schema | set(CONTEXT)


def test_the_file_is_the_one_that_is_described(files: DatasetFiles) -> None:
    (file,) = _described(files)["distribution"]
    assert file["sha256"] == sha256_file(files.materials)
    assert file["contentSize"] == f"{files.materials.stat().st_size} B"
    assert (files.materials.parent / file["contentUrl"]).is_file()


def test_columns_have_types_units_and_counts(files: DatasetFiles) -> None:
    (records,) = _described(files)["recordSet"]
    fields = {field["name"]: field for field in records["field"]}
    assert list(fields) == pq.read_schema(files.materials).names
    assert {name: field["dataType"] for name, field in fields.items()} == {
        **dict.fromkeys(["material_id", "composition", "entry_id", "set"], "sc:Text"),
        "n_entries": "sc:Integer",
        **dict.fromkeys(["energy", "gap"], "sc:Float"),
    }
    assert fields["energy"]["unitText"] == "eV/atom"
    assert "2 of 2" in fields["energy"]["description"]
    assert "unitText" not in fields["gap"]
    values = pd.read_parquet(files.materials)["gap"].notna().sum()
    assert f"{values} of 2" in fields["gap"]["description"]


def test_licence_and_citation_are_those_of_the_dataset(files: DatasetFiles) -> None:
    found = _described(files)
    assert found["license"] == "CC BY 4.0"
    assert found["citeAs"].startswith("@article{own2026,")
    assert found["url"] == "https://doi.org/10.1/x"
    assert found["creator"] == [{"@type": "Person", "name": "Ann Own"}, {"@type": "Organization", "name": "Team"}]
    assert len(found["version"].split(".")) == 3


def test_what_is_not_known_is_not_made_up(files: DatasetFiles) -> None:
    write_json(files.about, {"title": "Salts"})
    found = _described(files)
    assert found["license"] == found["citeAs"] == "not stated"
    assert found["creator"] == [{"@type": "Organization", "name": "not stated"}]
    assert found["url"] == "materials.parquet"


def test_a_citation_without_an_entry_is_an_error(files: DatasetFiles) -> None:
    write_json(files.about, {"title": "Salts", "citation": ["own2025"]})
    with pytest.raises(ConfigError, match=r"'own2025'.*'own2026'"):
        _described(files)
