"""Measure speed beside the peers, alternately and in one process; print medians and a machine line as JSON.

    python -m benchmarks.run                 everything
    python -m benchmarks.run --quick         small panels and few repeats, for continuous integration
    python -m benchmarks.run features cli    chosen groups

Exits with 1 if a published limit is missed (not with ``--quick``: a shared runner proves nothing about speed).
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from benchmarks import (
    archive,
    cache,
    committee,
    data_store,
    entry_points,
    features,
    inference,
    journal,
    prediction,
    refresh,
)
from benchmarks.measure import machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measure import Row

GROUPS: dict[str, Callable[[bool], list[Row]]] = {
    "features": features.measure,
    "prediction": prediction.measure,
    "inference": inference.measure,
    "committee": committee.measure,
    "cli": entry_points.measure,
    "data": data_store.measure,
    "archive": archive.measure,
    "cache": cache.measure,
    "refresh": refresh.measure,
    "journal": journal.measure,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Measure speed; JSON on stdout.")
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small panels, few repeats")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.groups) - GROUPS.keys()
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for name in chosen.groups or GROUPS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += GROUPS[name](chosen.quick)
    missed = [row.name for row in rows if row.ok is False]
    print(json.dumps({"machine": machine(), "quick": chosen.quick, "rows": [r.to_dict() for r in rows]}, indent=2))
    if missed and not chosen.quick:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
