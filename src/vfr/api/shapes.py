"""What every documented shape is made of: names in camel case, the two envelopes, bounded numbers."""

from __future__ import annotations

from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["REF", "WHOLE", "Failure", "InputAge", "Score", "Shape", "Share", "Success", "SymbolFailure"]

_D = TypeVar("_D")

REF: Final = "#/components/schemas/{model}"
"""Where the OpenAPI document holds a shape."""

Score = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE: Final = BeforeValidator(_whole)
"""Takes a whole number however it is written: to JSON 20.0 is one, and some clients have no other numbers."""


class Shape(BaseModel):
    """An object of the contract."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Failure(Shape):
    """Every error body."""

    success: Literal[False]
    error: str = Field(description="One sentence: what is wrong and how to mend it.")
    code: str = Field(description="Stable name of the error.")
    request_id: str
    field: str | None = Field(default=None, description="The field that is wrong, where one is.")
    errors: list[SymbolFailure] | None = Field(default=None, description="Per symbol, where every symbol failed.")


class SymbolFailure(Shape):
    """A symbol that could not be analysed."""

    symbol: str
    code: Literal["UNKNOWN_SYMBOL", "NO_DATA"]
    message: str


class Success(Shape, Generic[_D]):
    """Every good answer."""

    success: Literal[True]
    data: _D


class InputAge(Shape):
    """How old an input is, in completed sessions or days, and from which age on it counts as stale."""

    newest: str | None
    age: int | None
    unit: Literal["sessions", "days"]
    limit: int
    fresh: bool
