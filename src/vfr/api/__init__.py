"""The HTTP door: routes are parse, authorise, one call, render."""

from vfr.api.application import create_api

__all__ = ["create_api"]
