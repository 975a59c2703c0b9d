"""What the options of all kinds of source have in common.

The options of a kind are the class `Options` of its module: the keys of a dataset's `source` section next to `kind`.
"""

from typing import Annotated, Self

from pydantic import Field, ValidationError

from elemflow.config.dataset import Source
from elemflow.core.declared import Declared
from elemflow.core.errors import ConfigError

Names = Annotated[tuple[str, ...], Field(min_length=1)]
Url = Annotated[str, Field(pattern="^https?://")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class SourceOptions(Declared):
    """Base class of the options of a kind of source."""

    @property
    def is_local(self) -> bool:
        """Whether no server is needed: the data are a local file, come with a package, or are computed."""
        return False

    @classmethod
    def of(cls, dataset_id: str, source: Source) -> Self:
        """Return the options of a dataset's source.

        Raises:
            ConfigError: A key is missing, unknown or has a wrong value.
        """
        try:
            return cls.model_validate(source.options)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(step) for step in ("source", *first["loc"]))
            raise ConfigError(f"Dataset {dataset_id}: key '{key}': {first['msg']}.") from None


class QueryOptions(SourceOptions):
    """Options of the services that answer a query in pages."""

    parts: Names = Field(
        ("",),
        description="Filters in the service's language that split the query; each part is fetched page by page. One "
        "empty text requests everything.",
    )
    pause: float = Field(1.0, ge=0, description="Least number of seconds between two requests.")
