"""The bibliography: every key that config/ names has an entry, and each study gets its own."""

import importlib
import itertools

import bibtexparser
import pytest

from elemflow.config.kinds import FEATURES
from elemflow.config.load import load
from elemflow.config.yaml_schema import read_yaml
from elemflow.core.errors import ConfigError
from elemflow.plan import build as plan
from elemflow.plan.published import read_published
from elemflow.reporting.bibliography import read_entries, write_bibliography

REFERENCES = "resources/published/references.bib"


def cited(root):
    for path in itertools.chain.from_iterable(
        (root / "config" / kind).glob("*.yaml") for kind in ("datasets", "studies")
    ):
        yield from read_yaml(path).get("citation", [])
    for path in (root / "config/overlays").glob("*.yaml"):
        for changes in read_yaml(path)["overrides"].values():
            for change in changes.values():
                yield from change.get("citation", [])


def test_every_citation_key_has_an_entry(root):
    entries = read_entries(root / REFERENCES)
    features = {key for module in FEATURES.values() for key in importlib.import_module(module).CITATIONS}
    assert set(cited(root)) | set(plan.SOFTWARE) | features <= set(entries)


def test_entries_are_bibtex(root):
    text = (root / REFERENCES).read_text()
    parsed = bibtexparser.loads(text).entries_dict
    assert set(parsed) == set(read_entries(root / REFERENCES))
    for key, entry in parsed.items():
        assert {"author", "title"} <= set(entry), key
        assert entry["ENTRYTYPE"] != "article" or {"journal", "year"} <= set(entry), key
    dois = [entry["doi"] for entry in parsed.values() if "doi" in entry]
    assert len(set(dois)) == len(dois)


def test_bibliography_of_a_study(root, tmp_path):
    settings = load({"studies": ["brnet2023", "demo"]}, root)
    built = plan.build(settings, read_published(root / "resources/published/published_mae.csv"))
    keys = plan.citations(settings, built, "brnet2023")
    assert keys[0] == "gupta2023"
    assert {"wang2021", "kingsbury2022", "zhuo2018", "ward2018", *plan.SOFTWARE} <= set(keys)
    assert "ricci2017" not in keys
    write_bibliography(keys, [root / REFERENCES], tmp_path / "references.bib")
    assert list(read_entries(tmp_path / "references.bib")) == keys


def test_missing_and_doubled_entries(root, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'saal2013'"):
        write_bibliography(["saal2031"], [root / REFERENCES], tmp_path / "references.bib")
    (tmp_path / "two.bib").write_text("@misc{a,\n  title = {A},\n}\n@misc{a,\n  title = {B},\n}\n")
    with pytest.raises(ConfigError, match="duplicate key"):
        read_entries(tmp_path / "two.bib")
