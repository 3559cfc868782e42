"""`vfr serve`: the HTTP server."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["command"]


def command(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; outside loopback a secret must be set.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8000")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.", show_default="1")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Log one JSON object per line.")] = False,
) -> None:
    """Serve the HTTP API and the page; trains the starter models in the background on first use."""
    from vfr import settings
    from vfr.asgi import serve

    serve(settings.load(host=host, port=port, workers=workers, log_format="json" if as_json else None))
