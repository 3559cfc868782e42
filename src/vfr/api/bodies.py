"""Bodies of requests: read no further than a limit, strict JSON, held to a documented shape."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from vfr.api.analyze import decode, read_body
from vfr.api.shapes import Shape
from vfr.errors import InvalidField

__all__ = ["documented", "read_as"]

_S = TypeVar("_S", bound=Shape)


async def read_as(shape: type[_S], request: Request, limit: int) -> _S:
    """Return the body of a request as a shape; the caller has been authorised before anything is read.

    Raises
    ------
    Refusal
        413 if it is longer than `limit` bytes, 400 if it is not JSON.
    InvalidField
        If it is no object, or a field is missing or wrong.
    """
    body = decode(await read_body(request, limit))
    try:
        return shape.model_validate(body, by_alias=True, by_name=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "body"
        raise InvalidField(field, first["msg"]) from None


def documented(shape: type[Shape]) -> dict[str, Any]:
    """Return what OpenAPI says of a route with such a body; of a flat shape only."""
    schema = shape.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
