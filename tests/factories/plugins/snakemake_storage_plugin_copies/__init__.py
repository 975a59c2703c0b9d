"""A storage plugin for tests: a folder whose files are copied to jobs and back, as buckets and other servers are.

Snakemake finds it by its name once the folder above is on PYTHONPATH, and selects it by `--default-storage-provider copies`.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snakemake_interface_storage_plugins.io import IOCacheStorageInterface, get_constant_prefix
from snakemake_interface_storage_plugins.storage_object import (
    StorageObjectGlob,
    StorageObjectRead,
    StorageObjectTouch,
    StorageObjectWrite,
)
from snakemake_interface_storage_plugins.storage_provider import (
    ExampleQuery,
    QueryType,
    StorageProviderBase,
    StorageQueryValidationResult,
)


class StorageProvider(StorageProviderBase):
    """Queries are paths."""

    @classmethod
    def example_queries(cls) -> list[ExampleQuery]:
        return [ExampleQuery(query="store/results/a.csv", type=QueryType.ANY, description="A path.")]

    def rate_limiter_key(self, query: str, operation: Any) -> Any:
        return None

    def default_max_requests_per_second(self) -> float:
        return 100

    def use_rate_limiter(self) -> bool:
        return False

    @classmethod
    def is_valid_query(cls, query: str) -> StorageQueryValidationResult:
        return StorageQueryValidationResult(query=query, valid="://" not in query)

    def list_objects(self, query: Any) -> Iterable[str]:
        return map(str, Path(query).rglob("*"))


class StorageObject(StorageObjectRead, StorageObjectWrite, StorageObjectGlob, StorageObjectTouch):
    """A file or folder of the store."""

    @property
    def place(self) -> Path:
        return Path(self.query)

    async def inventory(self, cache: IOCacheStorageInterface) -> None:
        pass

    def get_inventory_parent(self) -> str | None:
        return None

    def local_suffix(self) -> str:
        return self.query.lstrip("/")

    def cleanup(self) -> None:
        pass

    def exists(self) -> bool:
        return self.place.exists()

    def mtime(self) -> float:
        return self.place.stat().st_mtime

    def size(self) -> int:
        return self.place.stat().st_size

    def local_footprint(self) -> int:
        return self.size()

    def retrieve_object(self) -> None:
        _copy(self.place, self.local_path())

    def store_object(self) -> None:
        _copy(self.local_path(), self.place)

    def remove(self) -> None:
        shutil.rmtree(self.place) if self.place.is_dir() else self.place.unlink()

    def list_candidate_matches(self) -> Iterable[str]:
        return map(str, Path(get_constant_prefix(self.query)).rglob("*"))

    def touch(self) -> None:
        os.utime(self.place)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
