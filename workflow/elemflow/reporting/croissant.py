"""Description of a curated dataset in Croissant 1.0, the vocabulary of MLCommons on top of schema.org, as JSON-LD.

Akhtar et al., NeurIPS Datasets and Benchmarks (2024); http://mlcommons.org/croissant/1.0. The description lies next to
`materials.parquet` and names it by a relative address, so that the folder can be published as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from elemflow.core.files import JsonObject, read_json, sha256_file
from elemflow.core.parquet import read_schema
from elemflow.reporting.bibliography import find_entries
from elemflow.reporting.references import Reference

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
RECORDS = "materials"
NOT_STATED = "not stated"
_OWN_TERMS = (
    *("citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes"),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "separator", "source", "subField", "transform"),
)
CONTEXT: JsonObject = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{name: f"cr:{name}" for name in _OWN_TERMS},
}
"""The context that the specification prescribes."""

KEYS = {
    "material_id": "Identifier of the material: its composition, with # and the entry where a composition has several.",
    "composition": "Canonical formula: elements in alphabetical order, amounts without a common divisor.",
    "entry_id": "Identifier of the entry in the source that the values are from.",
    "n_entries": "Number of entries of the source with this composition, or structure, that passed the filters.",
    "structure_type": "Structure type, or space group, by which entries of one composition are distinguished.",
}
"""Columns that are no properties; any other text column is a given split."""


@dataclass(frozen=True)
class DatasetFiles:
    """The files that a description is made from.

    Attributes:
        about: `about.json`.
        funnel: `curation.json`.
        materials: `materials.parquet`.
        manifest: Manifest of the raw files.
        references: BibTeX files; of a key in several, the last one counts.
    """

    about: Path
    funnel: Path
    materials: Path
    manifest: Path
    references: Sequence[Path]


class Column(NamedTuple):
    """A column of the materials: its type in Croissant, what it holds, and its unit; empty for none."""

    name: str
    type: str
    description: str
    unit: str = ""


def describe(dataset: str, files: DatasetFiles, titles: Mapping[str, str]) -> JsonObject:
    """Return the description of a curated dataset.

    Args:
        dataset: Its id.
        files: Its files.
        titles: Titles of the properties, by id.

    Raises:
        ConfigError: A citation has no BibTeX entry.
    """
    about, funnel, manifest = (read_json(path) for path in (files.about, files.funnel, files.manifest))
    entries = find_entries(about.get("citation", []), files.references)
    cited = [Reference.parse(entry) for entry in entries.values()]
    retrieved = max(str(file["retrieved"]) for file in manifest["files"])
    columns = list(_columns(read_schema(files.materials), funnel, titles))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": dataset,
        "alternateName": about["title"],
        "description": _description(about, funnel, files.materials),
        "license": about.get("license") or NOT_STATED,
        "url": _address(cited, manifest, files.materials),
        "creator": _creators(cited),
        "datePublished": retrieved,
        # The words of the source are in the description; here only three numbers are allowed.
        "version": ".".join(str(int(part)) for part in retrieved.split("-")),
        "citeAs": "\n\n".join(entries.values()) or NOT_STATED,
        "keywords": [title for title in titles.values() if title],
        "isLiveDataset": False,
        "distribution": [_file(files.materials)],
        "recordSet": [_records(columns, files.materials.name)],
    }


def _columns(schema: pa.Schema, funnel: JsonObject, titles: Mapping[str, str]) -> Iterator[Column]:
    """Yield the columns that Croissant has a type for; encoded structures are none of them."""
    for field in schema:
        if pa.types.is_floating(field.type):
            unit = (field.metadata or {}).get(b"unit", b"").decode()
            summary = funnel["properties"][field.name]
            values = f"{summary['values']:,} of {funnel['materials']:,} materials have a value."
            title = titles.get(field.name) or field.name
            quantity = f"{title}, dimensionless." if unit == "1" else f"{title} in {unit}."
            yield Column(field.name, "sc:Float", f"{quantity} {values}", "" if unit == "1" else unit)
        elif pa.types.is_integer(field.type):
            yield Column(field.name, "sc:Integer", KEYS[field.name])
        elif not pa.types.is_binary(field.type):
            split = f"Split that the source gives in its column {field.name}."
            yield Column(field.name, "sc:Text", KEYS.get(field.name, split))


def _records(columns: Sequence[Column], file: str) -> JsonObject:
    return {
        "@type": "cr:RecordSet",
        "@id": RECORDS,
        "name": RECORDS,
        "description": "One record per material.",
        "key": {"@id": f"{RECORDS}/material_id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{RECORDS}/{column.name}",
                "name": column.name,
                "description": column.description,
                "dataType": column.type,
                **({"unitText": column.unit} if column.unit else {}),
                "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
            }
            for column in columns
        ],
    }


def _file(path: Path) -> JsonObject:
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "description": "The materials, sorted by material_id; units are in the metadata of the columns.",
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256_file(path),
    }


def _description(about: JsonObject, funnel: JsonObject, materials: Path) -> str:
    """Return what the dataset is, and how its materials were chosen."""
    steps = "; ".join(f"{step['step']} {step['rows']:,}" for step in funnel["steps"])
    of = f", {about['version']}" if about.get("version") else ""
    structures = "structure" in read_schema(materials).names
    binary = " The column structure has crystals in the binary form of elemflow." if structures else ""
    return (
        f"{about['title']}{of}; curated by elemflow to {funnel['materials']:,} materials of {funnel['elements']} "
        f"elements. Rows: {steps}.{binary}"
    )


def _address(cited: Sequence[Reference], manifest: JsonObject, materials: Path) -> str:
    """Return where the dataset is described: its publication, or where it was retrieved, or the file itself."""
    published = [reference.address for reference in cited if reference.address]
    raw = [str(file["url"]).partition("?")[0] for file in manifest["files"]]
    return next(iter([*published, *(url for url in raw if url.startswith(("http://", "https://")))]), materials.name)


def _creators(cited: Sequence[Reference]) -> list[dict[str, Any]]:
    """Return the authors of the first work that is cited."""
    authors = cited[0].authors if cited else ()
    people = [
        {"@type": "Person" if author.given else "Organization", "name": author.name}
        for author in authors
        if author.family != "others"
    ]
    return people or [{"@type": "Organization", "name": NOT_STATED}]
