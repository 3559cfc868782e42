"""The page about faults, written from the table that the tests expect; run ``python -m tests.conformance.page``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.conformance.matrix import FAULTS, OFFERS, OUTCOMES, Never, cell

__all__ = ["PAGE", "render"]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "provider-faults.md"

_NAMES: Final = {"yahoo": "Yahoo", "edgar": "SEC EDGAR", "fred": "FRED", "fmp": "FMP", "tiingo": "Tiingo"}
_NEVER: Final = "-"

_HEAD: Final = """\
---
orphan: true
---

# When a provider fails or lies

No fault of a provider changes what is stored, except where the table says that the sound rest of an answer is kept.
Nothing is filled in or guessed. Every sync names each question that got no usable answer and asks it again the next
time; other questions go on. A provider that throttles is never taken for one that does not know a name.

Every cell of the first table is a test: a server on the same machine plays the vendor and the fault, and the answer
takes the way of `vfr data sync` through client, pace, parser and checks (`tests/conformance`). The vendors may have
faults that nobody thought of; an answer that no rule speaks against is kept.

## What each fault comes to

"Again" means that the question is repeated within about a minute, and succeeds if the vendor is well by then.

"""

_AFTER: Final = """
## What the words mean

"""

_NEVERS: Final = """
## Why a fault cannot happen, or cannot be told

"""


def render() -> str:
    """Return the page."""
    rows = [
        (fault.title, "yes" if fault.heals else "no", *(_cell(name, provider) for provider in OFFERS))
        for name, fault in FAULTS.items()
    ]
    words = [(one.word, f"`{one.code}`", one.shown or "nothing", one.kept) for one in OUTCOMES.values()]
    return "".join(
        (
            _HEAD,
            _table(("fault", "again", *(_NAMES[one] for one in OFFERS)), rows),
            _AFTER,
            _table(("word", "code", "for example you see", "kept"), words),
            _NEVERS,
            _table(("fault", "offers", "because the answer"), _nevers()),
        )
    )


def _cell(fault: str, provider: str) -> str:
    by_word: dict[str, list[str]] = {}
    for kind in OFFERS[provider]:
        found = cell(fault, provider, kind)
        by_word.setdefault(_NEVER if isinstance(found, Never) else found, []).append(kind)
    if len(by_word) == 1:
        return next(iter(by_word))
    return "; ".join(f"{', '.join(kinds)}: {word}" for word, kinds in by_word.items() if word != _NEVER)


def _nevers() -> Iterable[tuple[str, str, str]]:
    for name, fault in FAULTS.items():
        by_reason: dict[str, list[str]] = {}
        for provider, kinds in OFFERS.items():
            reasons = {kind: found.why for kind in kinds if isinstance(found := cell(name, provider, kind), Never)}
            for why in dict.fromkeys(reasons.values()):
                those = [kind for kind in kinds if reasons.get(kind) == why]
                shown = _NAMES[provider] if len(those) == len(kinds) else f"{_NAMES[provider]} {', '.join(those)}"
                by_reason.setdefault(why, []).append(shown)
        for why, offers in by_reason.items():
            yield fault.title, "; ".join(offers), why


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
