"""Reruns by content: which inputs a job may regard as old, and which outputs a finished workflow left out of date.

A job is compared with the record next to its outputs (`elemflow.core.content`). An input counts as old, whatever its
time, if it holds the bytes that the outputs were made from and nothing but code would change it: then a job that is run
again for its code, and writes the same bytes, starts no other. Where settings change it, everything downstream is
planned at once. If new code wrote other bytes, `stale` names the outputs made from the old
ones, and the next start makes them again.
"""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from elemflow.core import content
from elemflow.core.content import Record, content_of, read_record
from elemflow.core.files import digest_of

log = logging.getLogger(__name__)

METADATA = Path(".snakemake/metadata")
OLDEST = 1.0
"""Time of a record whose product is to be made again, in seconds since 1970."""


@dataclass(frozen=True)
class Product:
    """The outputs of one job that have a record.

    Attributes:
        record: Path of the record.
        cfg: Returns the settings of the job.
        inputs: Returns the inputs of the job, each with the product it belongs to, if that has a record.
    """

    record: str
    cfg: Callable[[], Any]
    inputs: Callable[[], Sequence[tuple[str, "Product | None"]]]


_on_damage: list[Callable[[str], None]] = []


def on_damage(call: Callable[[str], None]) -> None:
    """Declare what is called with the record of each product whose outputs are damaged, to have them made again."""
    _on_damage[:] = [call]


@cache
def _read(record: str) -> Record | None:
    return read_record(record)


def forget() -> None:
    """Forget what was read, since jobs have written since."""
    _read.cache_clear()
    keeps.cache_clear()
    is_damaged.cache_clear()
    make_emptied_again.cache_clear()
    content.forget()


def record_of(product: Product) -> Record | None:
    """Return the record of a product; None if it has none."""
    return _read(product.record)


@cache
def is_forgotten(metadata: Path = METADATA) -> bool:
    """Return whether Snakemake has no memory of earlier starts, since `.snakemake` was deleted or never there."""
    return not metadata.is_dir() or next(metadata.iterdir(), None) is None


def is_old(product: Product, path: str, origin: Product | None) -> bool:
    """Return whether the outputs of a product were made from what an input holds, and no setting will change that.

    Args:
        product: The outputs.
        path: The input.
        origin: The product that the input belongs to, if any.
    """
    record = _read(product.record)
    if record is None or path not in record.inputs:
        return False
    if is_damaged(product) or (is_forgotten() and not _has_settings_of_now(product, record)):
        return False
    return record.inputs[path] == content_of(path) and (origin is None or keeps(origin))


def _has_settings_of_now(product: Product, record: Record) -> bool:
    """Return whether a product has the settings of now; give its record an age that Snakemake understands.

    Older than its inputs, a product is made again. Without its memory Snakemake does not know that settings changed.
    """
    kept = record.cfg == digest_of(product.cfg())
    if not kept:
        os.utime(product.record, (OLDEST, OLDEST))
    elif os.stat(product.record).st_mtime == OLDEST:
        os.utime(product.record)
    return kept


@cache
def is_damaged(product: Product) -> bool:
    """Return whether outputs of a product are not what its job wrote; then say so, and that it must be made again.

    A file older than its record is taken for what the record says; the jobs that read it look into it
    (`elemflow.core.content.verify`).
    """
    record = _read(product.record)
    if record is None:
        return False
    folder = Path(product.record).parent
    lost = [name for name in record.outputs if not (folder / name).exists()]
    changed = [name for name, digest in record.outputs.items() if content_of(folder / name) not in (None, digest)]
    for state, names in (("is no longer there", lost), ("was changed since its job wrote it", changed)):
        for name in names:
            log.warning("%s %s; it is made again.", folder / name, state)
    if lost or changed:
        for call in _on_damage:
            call(product.record)
    return bool(lost or changed)


@cache
def make_emptied_again(path: str) -> None:
    """Have an output without a record made again if it is empty, or a folder with an empty file; then say so.

    No job writes an empty file there, and Snakemake goes by times alone.
    """
    if not _on_damage:
        return
    files = Path(path).rglob("*") if Path(path).is_dir() else [Path(path)]
    # Snakemake marks the time of a folder by an empty file.
    own = (file for file in files if not file.name.startswith(".snakemake"))
    emptied = [file for file in own if file.is_file() and not file.stat().st_size]
    for file in emptied:
        log.warning("%s is empty; it is made again.", file)
    for call in _on_damage if emptied else ():
        call(path)


@cache
def keeps(product: Product) -> bool:
    """Return whether nothing but code could change a product: its settings and inputs are those of its record."""
    record = _read(product.record)
    if record is None or record.cfg != digest_of(product.cfg()) or is_damaged(product):
        return False
    inputs = product.inputs()
    if record.inputs.keys() != {path for path, _ in inputs}:
        return False
    return all(is_old(product, path, origin) for path, origin in inputs)


def stale(products: Iterable[Product]) -> list[Product]:
    """Return the products that were made from other bytes than their inputs hold now."""
    found = []
    for product in products:
        record = _read(product.record)
        if record and any(content_of(path) not in (None, digest) for path, digest in record.inputs.items()):
            found.append(product)
    return found
