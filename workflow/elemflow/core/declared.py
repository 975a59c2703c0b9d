"""Base class of everything that is declared in YAML: immutable, checked, and written back as plain values."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


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


def without_default(schema: dict[str, Any]) -> None:
    """Remove the default of a field from its JSON schema, so that it is not written into declarations."""
    schema.pop("default", None)
