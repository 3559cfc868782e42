"""The floor of every figure: one plain route that answers prepared bytes, on the server that VFR runs on.

python -m vfr.cli.bench_floor PORT        answers what the file `NAME` of the working folder holds
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["NAME", "app", "main"]

NAME: Final = "floor.json"


def app() -> Starlette:
    """Return an application with that one route."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    prepared = Path(NAME).read_bytes()

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(prepared, media_type="application/json")

    return Starlette(routes=[Route("/api/stocks/analyze", answer, methods=["POST"])])


def main(port: str) -> None:
    """Serve it with one worker until ended."""
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    Granian(
        "vfr.cli.bench_floor:app",
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        loop=Loops.uvloop,
        websockets=False,
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    main(sys.argv[1])
