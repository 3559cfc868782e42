"""A client that answers from a table and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Canned:
    """`answers` maps the path of an address to a document, or to a text as it is sent."""

    answers: Mapping[str, Any]
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    def json(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        return json.loads(self.text(url, params=params, headers=headers))

    def text(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> str:
        self.asked.append((url, dict(params or {}), dict(headers or {})))
        answer = self.answers[url.removeprefix("https://").partition("/")[2]]
        return answer if isinstance(answer, str) else json.dumps(answer)
