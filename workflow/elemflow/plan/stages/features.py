"""Feature files of materials: inputs, parameters and code digests of their rules."""

from collections.abc import Callable
from functools import cache

from elemflow.config.kinds import FEATURES, parts_of
from elemflow.core.declared import Parameters
from elemflow.plan import paths
from elemflow.plan.reruns import Product, keeps, record_of
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.curation import Curation


class Features(Stage):
    """Materials to feature files, one part of a representation at a time."""

    def __init__(self, context: Context, curation: Curation):
        super().__init__(context)
        self._curation = curation

    @cache  # noqa: B019  one object per process
    def product(self, dataset: str, part: str) -> Product:
        """Return the feature file of a part."""
        record = paths.FEATURES_RECORD.format(dataset=dataset, part=part)
        return Product(record, dict, lambda: [self._curation.materials(dataset)])

    def files(self, dataset: str, representation: str) -> list[tuple[str, Product]]:
        """Return the feature files of a representation in the order of its parts, with their products."""
        return [
            (paths.FEATURES.format(dataset=dataset, part=part), self.product(dataset, part))
            for part in parts_of(representation)
        ]

    def materials(self, wildcards: Wildcards) -> str:
        """Return the materials that a part is computed of."""
        product = self.product(wildcards.dataset, wildcards.part)
        return compared(product, product.inputs())[0]

    def chunks(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """Return the input function of the files of all chunks of a part.

        A feature file that nothing changed keeps the number of chunks that it was made of, since its bytes do not
        depend on it.

        Args:
            pattern: Path of a chunk, with its wildcards.
        """

        def files(wildcards: Wildcards) -> list[str]:
            product = self.product(wildcards.dataset, wildcards.part)
            record = record_of(product)
            kept = record and keeps(product) and record.code == self.context.digest("featurize_dataset.py")
            count = record.chunks if record and kept else self.settings.chunks
            place = {"dataset": wildcards.dataset, "part": wildcards.part}
            return [pattern.format(**place, scatteritem=f"{number}-of-{count}") for number in range(1, count + 1)]

        return files

    def chunk_cfg(self, wildcards: Wildcards) -> Parameters:
        """Return the module that computes one part of a representation, and for which share of the materials."""
        number, chunks = wildcards.scatteritem.split("-of-")
        place = {"chunk": int(number) - 1, "chunks": int(chunks)}
        return {"part": wildcards.part, "module": FEATURES[wildcards.part]} | place

    def code(self, wildcards: Wildcards) -> str:
        """Return the digest of the code that computes one part of a representation."""
        return self.context.digest("featurize_chunk.py", (FEATURES[wildcards.part],))
