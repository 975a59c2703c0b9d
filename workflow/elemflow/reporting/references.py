"""Entries of a BibTeX file as typed references, in Unicode: for citation files and descriptions of datasets."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from pybtex.database import Entry, Person, parse_string
from pylatexenc.latex2text import LatexNodes2Text

_text = LatexNodes2Text(keep_braced_groups=False, math_mode="verbatim")


class Author(NamedTuple):
    """A person, or an entity without given names.

    Attributes:
        family: Family name, or the name of the entity.
        given: Given names; empty for an entity.
        particle: What stands in front of the family name, such as `de`.
        suffix: What stands behind the name, such as `Jr.`.
    """

    family: str
    given: str = ""
    particle: str = ""
    suffix: str = ""

    @property
    def name(self) -> str:
        """The whole name, given names first."""
        return " ".join(filter(None, (self.given, self.particle, self.family, self.suffix)))


@dataclass(frozen=True)
class Reference:
    """A cited work.

    Attributes:
        key: BibTeX key.
        kind: Kind of entry, such as `article`.
        title: Title.
        authors: Authors in order; `others` is one of them.
        fields: The other fields by name, such as `doi`, `year` or `journal`.
    """

    key: str
    kind: str
    title: str
    authors: tuple[Author, ...]
    fields: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, entry: str) -> Self:
        """Return one entry, given as BibTeX."""
        ((key, parsed),) = parse_string(entry, "bibtex").entries.items()
        fields = {name: plain(value) for name, value in parsed.fields.items()}
        return cls(key, parsed.type, fields.pop("title", ""), _authors(parsed), fields)

    @property
    def address(self) -> str:
        """Address of the work: its DOI, or its URL; empty if it has neither."""
        doi = self.fields.get("doi")
        return f"https://doi.org/{doi}" if doi else self.fields.get("url", "")


def plain(text: str) -> str:
    """Return a BibTeX field without LaTeX commands and braces, on one line."""
    return re.sub(r"\s+", " ", str(_text.latex_to_text(text))).strip()


def _authors(entry: Entry) -> tuple[Author, ...]:
    return tuple(_author(person) for person in entry.persons.get("author", []))


def _author(person: Person) -> Author:
    particle, family, given, suffix = (
        plain(" ".join(names))
        for names in (
            person.prelast_names,
            person.last_names,
            person.first_names + person.middle_names,
            person.lineage_names,
        )
    )
    return Author(family, given, particle, suffix)
