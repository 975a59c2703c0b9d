"""The citation file of a study has the keys that the Citation File Format 1.2.0 requires, with values it allows."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from elemflow.reporting.bibliography import read_entries
from elemflow.reporting.citation_file import citation_file
from elemflow.reporting.references import Reference

TYPES = {"article", "book", "conference-paper", "generic", "software"}
PERSON = {"family-names", "given-names", "name-particle", "name-suffix"}
ALLOWED = {
    *("type", "title", "authors", "year", "doi", "url", "journal", "volume", "issue", "start", "end", "publisher"),
    *("conference", "collection-title", "edition", "notes", "version", "isbn", "issn", "month"),
}
"""Keys of a reference that the format has, as far as they are used here."""


def _read(*entries: str) -> dict[str, Any]:
    text = citation_file("mine", "My study: a title", [Reference.parse(entry) for entry in entries], "1.2.3")
    return yaml.safe_load(text)


@pytest.fixture
def shipped(root: Path) -> dict[str, Any]:
    """The citation file of all references that ship."""
    return _read(*read_entries(root / "resources/published/references.bib").values())


def test_required_keys(shipped: dict[str, Any]) -> None:
    assert {"cff-version", "message", "title", "authors"} <= set(shipped)
    assert shipped["cff-version"] == "1.2.0"
    assert shipped["type"] == "dataset"
    assert shipped["title"] == "My study: a title"
    assert shipped["authors"]


def test_every_reference_that_ships_is_valid(shipped: dict[str, Any], root: Path) -> None:
    assert len(shipped["references"]) == len(read_entries(root / "resources/published/references.bib")) + 1
    for reference in shipped["references"]:
        assert {"type", "title", "authors"} <= set(reference) <= ALLOWED, reference
        assert reference["type"] in TYPES
        assert isinstance(reference.get("year", 0), int)
        assert re.match(r"10\.\d{4,9}/", reference.get("doi", "10.1000/"))
        for author in reference["authors"]:
            assert set(author) == {"name"} or {"family-names", "given-names"} <= set(author) <= PERSON
        assert all(name and isinstance(name, str) for author in reference["authors"] for name in author.values())


def test_fields_of_an_article() -> None:
    entry = """@article{a, author={de Boer, Ann and Team}, title={T}, journal={J}, volume={3}, number={7},
        pages={60--69}, year={2020}, doi={10.1000/x}}"""
    assert _read(entry)["references"][0] == {
        "type": "article",
        "title": "T",
        "authors": [{"family-names": "Boer", "given-names": "Ann", "name-particle": "de"}, {"name": "Team"}],
        "doi": "10.1000/x",
        "journal": "J",
        "volume": "3",
        "year": 2020,
        "issue": "7",
        "start": "60",
        "end": "69",
    }


def test_fields_of_other_kinds() -> None:
    talk = "@inproceedings{b, title={T}, booktitle={Proc}, year={in press}, doi={none}}"
    thesis = "@phdthesis{c, title={T}, author={A, B}, note={N}}"
    first, second, own = _read(talk, thesis)["references"]
    assert first["conference"] == {"name": "Proc"}
    assert not {"year", "doi"} & set(first)
    assert first["authors"] == [{"name": "anonymous"}]
    assert (second["type"], second["notes"]) == ("generic", "N")
    assert (own["type"], own["version"]) == ("software", "1.2.3")
