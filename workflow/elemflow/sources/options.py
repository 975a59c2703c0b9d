"""What the options of all kinds of source have in common.

The options of a kind are the class `Options` of its module: the keys of a dataset's `source` section next to `kind`.
The schema of datasets is made of these classes, see `elemflow.config.module_options`.
"""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, ValidationError

from elemflow.config.dataset import Source
from elemflow.core.declared import Declared
from elemflow.core.errors import ConfigError

Names = Annotated[tuple[str, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})]
Url = Annotated[str, Field(pattern="^https?://")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Pause = Annotated[float, Field(ge=0, description="Least number of seconds between two requests.")]

Format = Literal["csv", "json", "jsonl", "parquet", "xlsx"]
"""Formats of tables."""
FORMATS: tuple[Format, ...] = get_args(Format)
WHITESPACE = "whitespace"
"""Separator of the columns of a csv file that any number of spaces and tabs separate."""


class SourceOptions(Declared):
    """Base class of the options of a kind of source."""

    @property
    def is_local(self) -> bool:
        """Whether no server is needed: the data are a local file, come with a package, or are computed."""
        return False

    def for_reading(self) -> Self:
        """Return what reading the retrieved files depends on: not where they were, nor which bytes they must have."""
        return self

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
