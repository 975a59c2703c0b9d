"""References of a BibTeX file in Unicode, with their authors."""

from pathlib import Path

from elemflow.reporting.bibliography import read_entries
from elemflow.reporting.references import Author, Reference, plain

ENTRY = r"""@article{deboer2020,
  author = {de Boer, Fran{\c{c}}ois and {The {ABC} Team} and Smith, Jr., Ann B. and others},
  title = {On {TiO$_2$} \& Mart{\'i}n's
           alloys},
  year = {2020},
  doi = {10.1000/xyz},
}"""


def test_an_entry_is_read_in_unicode() -> None:
    found = Reference.parse(ENTRY)
    assert (found.key, found.kind) == ("deboer2020", "article")
    assert found.title == "On TiO$_2$ & Martín's alloys"
    assert found.authors == (
        Author("Boer", "François", "de"),
        Author("The ABC Team"),
        Author("Smith", "Ann B.", suffix="Jr."),
        Author("others"),
    )
    assert found.authors[0].name == "François de Boer"
    assert found.fields == {"year": "2020", "doi": "10.1000/xyz"}


def test_the_address_is_the_doi_or_the_url() -> None:
    assert Reference.parse(ENTRY).address == "https://doi.org/10.1000/xyz"
    assert Reference.parse("@misc{a, title={A}, url={https://example.org}}").address == "https://example.org"
    assert not Reference.parse("@misc{a, title={A}}").address


def test_every_entry_that_ships_has_a_title_and_authors(root: Path) -> None:
    for text in read_entries(root / "resources/published/references.bib").values():
        reference = Reference.parse(text)
        assert reference.title, reference.key
        assert reference.authors, reference.key
        assert not set("{}\\") & set(reference.title), reference.key
        assert not any(set("{}\\") & set(author.name) for author in reference.authors), reference.key


def test_line_breaks_and_braces_go() -> None:
    assert plain("A  {B}\n C") == "A B C"
