"""What a finished start of Snakemake left undone: it must not end as a success.

Snakemake decides what runs before anything has run. It passes over whatever lies downstream of a job that runs and has
inputs that count as old (`elemflow.plan.reruns`), other reasons of its own included, so a second start may be needed.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from elemflow.core.content import Record
from elemflow.core.files import digest_of
from elemflow.plan.reruns import Product, record_of, stale

SHOWN = 10  # outputs in a message


def describe_pending(products: Mapping[Product, Any], targets: Iterable[Any]) -> str:
    """Return what is out of date or missing, and what to do; empty if nothing is.

    Args:
        products: Outputs with a record, with the job of Snakemake that makes them.
        targets: Jobs that were requested.
    """
    made_from_others = [product.record for product in stale(products)]
    set_otherwise = [
        product.record
        for product, job in products.items()
        if product.record not in made_from_others and (record := record_of(product)) and _differs(record, job)
    ]
    missing = [str(file) for job in targets for file in _files(job) if not _exists(file)]
    parts = [
        _listed(
            "Out of date",
            made_from_others,
            "Changed code or data gave other files than before, and these outputs are still made from the old ones. "
            "Start the same command again to make them.",
        ),
        _listed(
            "Made with other settings or code",
            set_otherwise,
            "Start the same command again to make these outputs. If they are listed again, the folder .snakemake was "
            "lost, by which Snakemake knows what changed: delete them, then start.",
        ),
        _listed("Missing", missing, "Start the same command again to make these files."),
    ]
    return "\n".join(filter(None, parts))


def _listed(head: str, paths: list[str], advice: str) -> str:
    if not paths:
        return ""
    names = [path.removesuffix("/provenance.json").removesuffix(".provenance.json") for path in paths]
    rest = [f"  and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return "\n".join([f"{head}: {len(names)}. {advice}", *(f"  {name}" for name in names[:SHOWN]), *rest])


def _differs(record: Record, job: Any) -> bool:
    """Return whether a job has other settings or other code than its record."""
    return record.cfg != digest_of(job.params.cfg) or record.code != job.params.code


def _files(job: Any) -> Iterable[Any]:
    """Return the files that a requested job is to leave; those of a rule without a program are its inputs."""
    return job.input if job.rule.norun else job.output


def _exists(file: Any) -> bool:
    """Return whether a file is there; of one in a storage there is no copy here."""
    return bool(getattr(file, "is_storage", False)) or Path(file).exists()
