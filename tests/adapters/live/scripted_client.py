"""A client that asks a function instead of a vendor, and remembers what it asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vfr.errors import UnknownAtSource


@dataclass(slots=True)
class Scripted:
    """`play` is given the path of an address and the parameters; None is an address that is not there."""

    play: Callable[[str, Mapping[str, str]], Any]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def json(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        return json.loads(self.text(url, params=params, headers=headers))

    def text(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> str:
        path = url.removeprefix("https://").partition("/")[2]
        self.asked.append((path, dict(params or {})))
        answer = self.play(path, params or {})
        if answer is None:
            raise UnknownAtSource("the vendor does not know what was asked (404)")
        return answer if isinstance(answer, str) else json.dumps(answer)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]
