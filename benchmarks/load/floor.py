"""The floor of every figure: one plain route that answers prepared bytes, on the server that VFR runs on.

python -m benchmarks.load.floor BYTES PORT
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

SIZE = "FLOOR_BYTES"


def app() -> Starlette:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    prepared = b'{"padding":"' + b"x" * int(os.environ[SIZE]) + b'"}'

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(prepared, media_type="application/json")

    return Starlette(routes=[Route("/api/stocks/analyze", answer, methods=["POST"])])


def main(size: str, port: str) -> None:
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    os.environ[SIZE] = size
    Granian(
        "benchmarks.load.floor:app",
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
    main(*sys.argv[1:])
