"""What pydantic shall check of a value, said without loading pydantic.

It stands in `Annotated`, as pydantic's own annotations would, and becomes them when pydantic reads
a definition that nobody found valid before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal


class Rule:
    """Annotations that are made when they are asked for.

    The attribute says that it stands for what it yields (annotated-types' `GroupedMetadata`).
    """

    __is_annotated_types_grouped_metadata__: Literal[True] = True

    def __init__(self, make: Callable[[], list[Any]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Any]:
        return iter(self._make())


def limits(**named: Any) -> Rule:
    """Bounds, lengths, a pattern: what `pydantic.Field` calls them."""

    def make() -> list[Any]:
        from pydantic import Field

        return list(Field(**named).metadata)

    return Rule(make)


def before(change: Callable[[Any], Any], written: Any = None) -> Rule:
    """`change` gets what the file says and gives what is checked; `written` is the type of what the
    file says, where it is another one. Raises ValueError."""

    def make() -> list[Any]:
        from pydantic import BeforeValidator

        if written is None:
            return [BeforeValidator(change)]
        return [BeforeValidator(change, json_schema_input_type=written)]

    return Rule(make)


def after(check: Callable[..., Any]) -> Rule:
    """`check` gets the value and gives it back; with a second argument, what pydantic knows of
    the keys before it. Raises ValueError.
    """

    def make() -> list[Any]:
        from pydantic import AfterValidator

        return [AfterValidator(check)]

    return Rule(make)


def tag(name: str) -> Rule:
    """What a member of a union is called by the function that chooses."""

    def make() -> list[Any]:
        from pydantic import Tag

        return [Tag(name)]

    return Rule(make)


def chosen_by(how: str | Callable[[Any], str]) -> Rule:
    """How the member of a union is chosen: by a key, or by a function that gives its tag."""

    def make() -> list[Any]:
        from pydantic import Discriminator

        return [Discriminator(how)]

    return Rule(make)
