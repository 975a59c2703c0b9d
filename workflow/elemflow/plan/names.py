"""Whether names that are only looked up later exist: printed models and studies, references, and the mirror.

A wrong one would cost a printed value in silence, or stop a job hours later.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from elemflow.config.load import Settings
from elemflow.core.errors import ConfigError, nearest
from elemflow.plan.published import PublishedIndex

_KEY = re.compile(r"@(?!comment|string|preamble)\w+\s*[{(]\s*([^,\s{}]+)\s*,", re.IGNORECASE)
WITHOUT_SERVER = ("shipped", "miedema", "prototypes", "matminer_transport")
"""Kinds of sources whose data come with the project or a package, or are computed."""
_OWN_VALUES = "config/published/published_mae.csv"
_OWN_REFERENCES = "config/published/references.bib"


def check_names(
    settings: Settings, published: PublishedIndex, studies: Collection[str], references: Iterable[Path]
) -> None:
    """Check the names of published models, of studies that print a size, and of references.

    Args:
        settings: Checked settings.
        published: The papers' numbers; without any, their names are not checked.
        studies: Ids of all declared studies, selected or not.
        references: BibTeX files that entries are taken from.

    Raises:
        ConfigError: Names the file, the key, what was found and the nearest name.
    """
    if published:
        _check_models(settings, published)
    _check_sizes(settings, {*studies, *(question.study for question in published)})
    _check_citations(settings, references)


def _check_models(settings: Settings, published: PublishedIndex) -> None:
    depths: dict[str, set[int | None]] = {}
    for question, values in published.items():
        depths.setdefault(question.model, set()).update(value.depth for value in values)
    for name in settings.models:
        own = settings.models[name].published
        if own is None:
            continue
        where = f"config/models/{name}.yaml: key 'published"
        if own.model not in depths:
            raise ConfigError(
                f"{where}.model': no values of a model '{own.model}' are known.{nearest(own.model, depths)} "
                f"Correct the name, remove the key, or add the values to {_OWN_VALUES}."
            )
        known = sorted(depth for depth in depths[own.model] if depth is not None)
        if own.depth is not None and own.depth not in known:
            raise ConfigError(
                f"{where}.depth': no values of '{own.model}' with {own.depth} layers are known. "
                f"Known: {', '.join(map(str, known)) or 'none'}. Use one of these, or null."
            )


def _check_sizes(settings: Settings, studies: Collection[str]) -> None:
    for name, dataset in settings.datasets.items():
        for study in dataset.published_size:
            if study not in studies:
                raise ConfigError(
                    f"config/datasets/{name}.yaml: key 'published_size.{study}': no study '{study}'. "
                    f"Known: {', '.join(sorted(studies))}.{nearest(study, studies)}"
                )


def _check_citations(settings: Settings, references: Iterable[Path]) -> None:
    files = [path for path in references if path.is_file()]
    known = {key for path in files for key in _KEY.findall(path.read_text(encoding="utf-8"))}
    cited: Mapping[str, Mapping[str, tuple[str, ...]]] = {
        "datasets": {name: dataset.citation for name, dataset in settings.datasets.items()},
        "studies": {name: study.citation for name, study in settings.studies.items()},
    }
    for kind, found in cited.items():
        for name, keys in found.items():
            for key in keys:
                if key not in known:
                    read = " and ".join(map(str, files)) or "any file"
                    raise ConfigError(
                        f"config/{kind}/{name}.yaml: key 'citation': no entry '{key}' in {read}.{nearest(key, known)} "
                        f"Add it to {_OWN_REFERENCES}."
                    )


def check_mirror(mirror: str | None, wanted: Iterable[str]) -> None:
    """Check that a mirror in a folder exists, if something is still to be fetched from it.

    Args:
        mirror: Value of the key `mirror`; addresses are not looked up.
        wanted: Datasets that are not retrieved yet.

    Raises:
        ConfigError: There is no such folder.
    """
    if not mirror or mirror.startswith(("http://", "https://")) or Path(mirror).is_dir():
        return
    if names := list(wanted):
        parent = Path(mirror).absolute().parent
        alike = nearest(Path(mirror).name, (path.name for path in parent.glob("*/"))) if parent.is_dir() else ""
        raise ConfigError(
            f"config: key 'mirror': no folder {mirror}, from which {names[0]} is to be taken.{alike} Correct the "
            "path, or set the key to null to use the network."
        )
