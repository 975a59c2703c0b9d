"""Splits into training, validation and test sets: inputs, parameters and code digests of their rules."""

from collections.abc import Sequence
from functools import cache

from elemflow.core.declared import Parameters
from elemflow.plan import paths
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.curation import Curation
from elemflow.splits.schemes.file import File
from elemflow.splits.schemes.pretraining import Pretraining


def split_path(dataset: str, property_id: str, protocol: str) -> str:
    """Return the path of a split."""
    return paths.SPLIT.format(dataset=dataset, property=property_id, protocol=protocol)


class Splits(Stage):
    """Materials to training, validation and test sets."""

    def __init__(self, context: Context, curation: Curation):
        super().__init__(context)
        self._curation = curation

    @cache  # noqa: B019  one object per process
    def product(self, dataset: str, property_id: str, protocol: str) -> Product:
        """Return a split."""
        record = paths.SPLIT_RECORD.format(dataset=dataset, property=property_id, protocol=protocol)

        def inputs() -> list[tuple[str, Product | None]]:
            given = [(path, None) for path in self._given(protocol)]
            return [self._curation.materials(dataset), *given, *self._fine_tuned(protocol)]

        return Product(record, lambda: self._cfg(property_id, protocol), inputs)

    def split(self, dataset: str, property: str, protocol: str) -> tuple[str, Product]:  # noqa: A002  keys of a run
        """Return a split and the product it belongs to."""
        return split_path(dataset, property, protocol), self.product(dataset, property, protocol)

    def _fine_tuned(self, protocol: str) -> list[tuple[str, Product]]:
        """Return the files of the run whose evaluated compositions a pre-training must not see."""
        split = self.settings.protocol(protocol).split
        if not isinstance(split, Pretraining):
            return []
        target = split.exclude
        fine_tuned = self.split(target.dataset, target.property, target.protocol)
        return [fine_tuned, self._curation.materials(target.dataset)]

    def _given(self, protocol: str) -> list[str]:
        split = self.settings.protocol(protocol).split
        return [str(self.settings.data_folder / split.path)] if isinstance(split, File) else []

    def _cfg(self, property_id: str, protocol: str) -> Parameters:
        return {"property": property_id, "split": self.settings.protocol(protocol).written["split"]}

    def _compared(self, wildcards: Wildcards, files: Sequence[tuple[str, Product | None]]) -> list[str]:
        return compared(self.product(wildcards.dataset, wildcards.property, wildcards.protocol), files)

    def materials(self, wildcards: Wildcards) -> str:
        """Return the materials to split."""
        return self._compared(wildcards, [self._curation.materials(wildcards.dataset)])[0]

    def given(self, wildcards: Wildcards) -> list[str]:
        """Return the list that a protocol splits by, if it does."""
        return self._compared(wildcards, [(path, None) for path in self._given(wildcards.protocol)])

    def fine_tuned(self, wildcards: Wildcards) -> list[str]:
        """Return split and materials of the run that a pre-training is for, if the split is that of one."""
        return self._compared(wildcards, self._fine_tuned(wildcards.protocol))

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that splits by the scheme of a protocol."""
        scheme = self.settings.protocol(wildcards.protocol).split
        return self.context.digest("split_dataset.py", (type(scheme).__module__,))

    def cfg(self, wildcards: Wildcards) -> Parameters:
        """Return what a split depends on."""
        return self._cfg(wildcards.property, wildcards.protocol)
