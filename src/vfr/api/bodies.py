"""Bodies of requests: read no further than a limit, strict JSON, held to a documented shape."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from vfr.api.analyze import decode, read_body
from vfr.api.shapes import REF, Shape
from vfr.errors import InvalidField

__all__ = ["BODY_BYTES", "documented", "read_as"]

BODY_BYTES: Final = 8_192
"""Longest body of everything but questions about many symbols."""

_S = TypeVar("_S", bound=Shape)


async def read_as(shape: type[_S], request: Request) -> _S:
    """Return the body of a request as a shape; the caller has been authorised before anything is read.

    Raises
    ------
    Refusal
        413 if it is longer than `BODY_BYTES`, 400 if it is not JSON.
    InvalidField
        If it is no object, or a field is missing or wrong; one inside another is named ``outer.inner``.
    """
    body = decode(await read_body(request, BODY_BYTES))
    try:
        return shape.model_validate(body, strict=True, by_alias=True, by_name=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        names = [part for part in first["loc"] if isinstance(part, str)]
        raise InvalidField(".".join(names) or "body", first["msg"]) from None


def documented(shape: type[BaseModel]) -> dict[str, Any]:
    """Return what OpenAPI says of a route that reads such a body itself; `openapi.document` moves shapes to theirs."""
    schema = shape.model_json_schema(ref_template=REF)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
