"""Base class of everything that is declared in YAML: immutable, checked, and written back as plain values."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from elemflow.core.errors import ConfigError

Parameters = dict[str, Any]
"""Parameters of a job: JSON values, since Snakemake compares them as text."""


class Declared(BaseModel):
    """An immutable object whose fields are the keys of a section of a YAML file.

    The JSON schema of the section was checked before, so that messages name file and key; unknown fields are an error
    of the program.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_enum_values=True)

    def plain(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, as JSON values.

        Used for the parameters of jobs: a new field with a default changes no parameter, so nothing reruns.
        """
        return self.model_dump(mode="json", exclude_defaults=True, by_alias=True)

    def but(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, checked again."""
        return type(self).model_validate({**{name: getattr(self, name) for name in self.model_fields_set}, **changes})


class FromFile(Declared):
    """A declaration of a file of config/, which remembers how it was written.

    Jobs are compared with earlier ones by the text of their parameters. So parameters are written as they were
    declared, with the defaults of the JSON schema: 1 stays 1, where the typed field holds 1.0.
    """

    _written: Parameters = PrivateAttr(default_factory=dict)

    @classmethod
    def read(cls, declared: Mapping[str, Any], where: str | None = None) -> Self:
        """Return the typed declaration of keys that are valid by their JSON schema.

        Args:
            declared: The keys.
            where: How messages call the file.

        Raises:
            ConfigError: A file is given, and a value is none of its key for a reason that the schema cannot express.
        """
        try:
            return cls.model_validate(declared).written_as(declared)
        except ValidationError as error:
            if where is None:
                raise
            key, reason = first_mistake(error)
            raise ConfigError(f"{where}: key '{key}': {reason}") from None

    def written_as(self, declared: Mapping[str, Any]) -> Self:
        """Remember how the declaration was written."""
        self._written = dict(declared)
        return self

    @property
    def written(self) -> Parameters:
        """The declaration as it was written, with defaults; not to be changed.

        Raises:
            TypeError: It was not read from a file.
        """
        if not self._written:
            raise TypeError(f"{type(self).__name__} was not read by `read`")
        return self._written

    def written_without(self, *keys: str) -> Parameters:
        """Return the declaration as it was written, without some keys."""
        return {key: value for key, value in self.written.items() if key not in keys}


def without_default(schema: dict[str, Any]) -> None:
    """Remove the default of a field from its JSON schema, so that it is not written into declarations."""
    schema.pop("default", None)


def first_mistake(error: ValidationError) -> tuple[str, str]:
    """Return the dotted key and the reason of the first mistake; one of a section within another has both keys."""
    first = error.errors()[0]
    steps = ".".join(map(str, first["loc"]))
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ValidationError):
        key, reason = first_mistake(cause)
        return f"{steps}.{key}" if key else steps, reason
    return steps, first["msg"].removeprefix("Value error, ")
