"""Citation file of a study in the Citation File Format 1.2.0 (https://citation-file-format.github.io)."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from elemflow.reporting.references import Author, Reference

KINDS = {"article": "article", "inproceedings": "conference-paper", "book": "book", "software": "software"}
"""Types of references by kind of BibTeX entry; any other kind is `generic`."""
SAME_NAME = ("doi", "url", "journal", "volume", "edition", "isbn", "issn", "month")
DOI = re.compile(r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;\-.()\[\]\\]+")
"""What the format takes for a DOI."""
HEAD = """\
# What to cite for the tables of this study. Put your names in place of the first `authors`, and add a `doi` of yours.
"""


def citation_file(study: str, title: str, references: Iterable[Reference], version: str) -> str:
    """Return the text of the citation file of a study.

    Args:
        study: Its id.
        title: Its title.
        references: Its paper, and those of its datasets and of the software.
        version: Version of elemflow.
    """
    own = {
        "type": "software",
        "title": "elemflow: reproducible deep learning on materials data",
        "authors": [{"name": "The elemflow developers"}],
        "version": version,
    }
    content = {
        "cff-version": "1.2.0",
        "message": "If you use these results, please cite the works below.",
        "type": "dataset",
        "title": title,
        "authors": [{"name": f"The authors of the study {study}"}],
        "references": [*map(_reference, references), own],
    }
    return HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _reference(reference: Reference) -> dict[str, Any]:
    given = reference.fields
    found: dict[str, Any] = {
        "type": KINDS.get(reference.kind, "generic"),
        "title": reference.title,
        "authors": [_author(author) for author in reference.authors] or [{"name": "anonymous"}],
        **{name: given[name] for name in SAME_NAME if given.get(name)},
    }
    if not DOI.fullmatch(found.get("doi", "")):
        found.pop("doi", None)
    if given.get("year", "").isdecimal():
        found["year"] = int(given["year"])
    if "number" in given:
        found["issue"] = given["number"]
    if "pages" in given:
        start, _, end = given["pages"].replace("–", "-").partition("-")
        found |= {"start": start.strip(), **({"end": end.strip("- ")} if end else {})}
    if "publisher" in given:
        found["publisher"] = {"name": given["publisher"]}
    if "booktitle" in given:
        found |= {"conference": {"name": given["booktitle"]}, "collection-title": given["booktitle"]}
    if "note" in given:
        found["notes"] = given["note"]
    return found


def _author(author: Author) -> dict[str, str]:
    if not author.given:
        return {"name": author.name}
    named = {
        "family-names": author.family,
        "given-names": author.given,
        "name-particle": author.particle,
        "name-suffix": author.suffix,
    }
    return {key: value for key, value in named.items() if value}
