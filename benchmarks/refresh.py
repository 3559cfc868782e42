"""The scoreboard of machine learning: made anew, kept current, read, and asked; and a past day that is not on it.

The data home is a copy of the one that `VFR_BENCHMARK_HOME` names: with models at every horizon. Without it nothing is
measured. A new process makes the whole board; another one stays warm while a session, a promotion and outcomes come.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfr.bootstrap import Application
    from vfr.data.snapshot import Snapshot
    from vfr.typing import DateArray
    from vfr.workflows.ml_board import MlBoard

HORIZON = "7d"
LONG_MS = 60_000
PAST_ROWS = 10
"""Sessions that the member with the longest memory reads."""
WARM_DAYS = 6


def measure(quick: bool) -> list[Row]:
    home = os.environ.get("VFR_BENCHMARK_HOME")
    if not home:
        print("refresh: set VFR_BENCHMARK_HOME to a data home with models", file=sys.stderr)
        return []
    repeats = 1 if quick else 5
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "home"
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("work", "scoreboards"))
        full = [child(copy, "full", quick) for _ in range(repeats)]
        warm = child(copy, "warm", quick)
        reader = child(copy, "reader", quick)
        server = child(copy, "served", quick)
    rows = [Row("full refresh, new process, start to published", middle(full, "whole"), "s", 15.0, repeats)]
    rows.append(Row("the same, without starting Python", middle(full, "step"), "s", None, repeats))
    rows.append(Row("the same, processor time of the whole process", middle(full, "busy"), "s", None, repeats))
    rows.append(Row("resident memory of that process at its peak", middle(full, "peak"), "MiB", None, repeats))
    return [*rows, *(Row(*row) for row in (*warm["rows"], *reader["rows"], *server["rows"]))]


def middle(runs: list[dict[str, Any]], name: str) -> float:
    return float(np.median([run[name] for run in runs]))


def child(home: Path, what: str, quick: bool) -> dict[str, Any]:
    """Run a part of the measurement in a new process and return what it prints, with the time from its start."""
    environment = {**os.environ, "VFR_DATA_HOME": str(home)}
    start = time.perf_counter()
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.refresh", what, "quick" * quick],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {"whole": time.perf_counter() - start, **json.loads(ran.stdout.splitlines()[-1])}


def application() -> Application:
    from vfr import bootstrap, settings

    return bootstrap.build(settings.load())


def full(quick: bool) -> dict[str, Any]:
    import resource

    del quick
    app = application()
    shutil.rmtree(app.settings.data_home / "scoreboards", ignore_errors=True)
    start = time.perf_counter()
    board = app.refreshing.step()
    seconds = time.perf_counter() - start
    assert board is not None
    assert_whole(board)
    return {
        "step": seconds,
        "busy": time.process_time(),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def assert_whole(board: MlBoard) -> None:
    """See that every member answered at every horizon: a board without them is made in no time."""
    statuses = {a.result and a.result.status for found in board.horizons.values() for a in found.answers.values()}
    assert statuses == {"ok"}, statuses


def warm(quick: bool) -> dict[str, Any]:
    app = application()
    app.refreshing.step()
    repeats = 2 if quick else 5
    day, promotion = [], []
    for k in range(repeats):
        publish_next(app)
        day.append(step(app))
        promote_copy(app, k)
        promotion.append(step(app))
    wall, busy = np.median(day, axis=0).tolist()
    wall_promotion, busy_promotion = np.median(promotion, axis=0).tolist()
    idle = middle_of(app.refreshing.due, 200)
    return {
        "rows": [
            ("refresh after a new session, warm", wall, "s", 3.0, repeats),
            ("the same, processor time", busy, "s", None, repeats),
            ("refresh after a promotion, warm", wall_promotion, "s", None, repeats),
            ("the same, processor time", busy_promotion, "s", None, repeats),
            ("a look whether anything is due", idle * 1e6, "us", None, 200),
            *past_day(app, quick),
        ]
    }


def step(app: Application) -> tuple[float, float]:
    """Refresh, and return the seconds it took and those a processor was busy with it."""
    assert app.refreshing.due()
    start, busy = time.perf_counter(), time.process_time()
    board = app.refreshing.step()
    seconds = time.perf_counter() - start, time.process_time() - busy
    assert board is not None
    assert_whole(board)
    return seconds


def publish_next(app: Application) -> None:
    """Publish the data with one session more, as a sync after the close does."""
    from vfr.data.quality import QualityReport
    from vfr.factors.compute import compute_board

    longer = next_session(app.datasets.snapshot())
    app.datasets.publish(longer, QualityReport.of((), {}), compute_board(longer))


def next_session(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot with one session more: prices of the last one, moved by a little."""
    panel, rng = snapshot.panel, np.random.default_rng(snapshot.sessions.size)
    moved = 1.0 + 0.01 * rng.normal(size=len(snapshot.symbols))
    day = np.busday_offset(snapshot.as_of, 1)
    fields = {name: getattr(panel, name) for name in ("open", "high", "low", "close", "adj_close")}
    longer = {name: np.vstack([array, array[-1:] * moved]) for name, array in fields.items()}
    member, market = snapshot.membership, snapshot.benchmark
    return replace(
        snapshot,
        version=f"{snapshot.version[:12]}{snapshot.sessions.size:04x}",
        panel=replace(
            panel,
            sessions=np.append(panel.sessions, day),
            volume=np.vstack([panel.volume, panel.volume[-1:]]),
            **longer,
        ),
        closes_at=np.append(snapshot.closes_at, snapshot.closes_at[-1] + (day - snapshot.as_of)),
        membership=member
        and replace(
            member,
            member=np.vstack([member.member, member.member[-1:]]),
            index_size=np.append(member.index_size, member.index_size[-1]),
        ),
        benchmark=market
        and replace(
            market,
            close=np.append(market.close, market.close[-1]),
            adj_close=np.append(market.adj_close, market.adj_close[-1]),
        ),
    )


def promote_copy(app: Application, k: int) -> None:
    """Make another version of the largest member the champion, as a retraining does."""
    name = app.datasets.current()
    card = next(c for c in app.models.cards() if (c.status, *c.place) == ("champion", "trees", HORIZON, name))
    files = app.models.read(card.model_id)
    made = replace(card, model_id=f"trees-{HORIZON}-benchmark-{k}", status="staged")
    app.models.save(made, files)
    app.models.set_status(made.model_id, "champion", who="benchmark", why="benchmark")


def past_day(app: Application, quick: bool) -> list[tuple[Any, ...]]:
    """Ask for sessions that are not on the board: features of the universe, five members, weights of that day.

    The universe is forecast whoever is asked for: features are ranked across it, and so is what members say. So one
    figure is held against the limits of 1 and of 25 symbols.
    """
    from vfr.typing import MEMBER_NAMES
    from vfr.workflows.forecast_universe import Inputs

    whole, inputs = app.datasets.snapshot(), Inputs()
    inputs.rows(whole, whole, PAST_ROWS)
    taken, busy, features = [], [], []
    for k, day in enumerate(past_days(whole.sessions, quick)):
        start, before = time.perf_counter(), time.process_time()
        found = app.forecaster.at(day, HORIZON, MEMBER_NAMES, "weighted", LONG_MS)
        seconds = time.perf_counter() - start, time.process_time() - before
        assert len(getattr(found, "versions", ())) == len(MEMBER_NAMES), found
        past, start = whole.upto(day), time.perf_counter()
        inputs.rows(whole, past, PAST_ROWS)
        if k >= WARM_DAYS:
            taken.append(1e3 * seconds[0])
            busy.append(1e3 * seconds[1])
            features.append(1e3 * (time.perf_counter() - start))
    n, worst = len(taken), float(np.percentile(taken, 99))
    return [
        ("a past day on demand, features and five members, 480 symbols, median", middle_ms(taken), "ms", None, n),
        ("the same, processor time, median", middle_ms(busy), "ms", None, n),
        ("the features of it alone, median", middle_ms(features), "ms", None, n),
        ("a past day, 99th percentile, 480 symbols", worst, "ms", None, n),
        ("a past day, 99th percentile, 25 symbols asked for", worst, "ms", 150.0, n),
        ("a past day, 99th percentile, 1 symbol asked for", worst, "ms", 40.0, n),
    ]


def past_days(sessions: DateArray, quick: bool) -> DateArray:
    """Return sessions of the past, `WARM_DAYS` of which read the versions of that time.

    None of them finds its features computed together with a neighbour's: by the time a span comes again it is let go.
    """
    from vfr.workflows.session_features import KEPT, SPAN

    spans = KEPT + 1
    rows = np.arange(-200 - spans * SPAN, -200).reshape(spans, SPAN).T.ravel()
    return sessions[rows[: 10 if quick else 120]]


def middle_ms(taken: list[float]) -> float:
    return float(np.median(taken))


def served(quick: bool) -> dict[str, Any]:
    """Ask a server for past days, each for the first time: the classic board of that day, and the forecast."""
    from vfr.cli.bench_server import URL
    from vfr.cli.bench_server import served as serving
    from vfr.settings import load

    home = load().data_home
    days = past_days(application().datasets.snapshot().sessions, quick)
    rows: list[tuple[Any, ...]] = []
    with serving(home, home) as server:
        symbols = server.symbols()
        counts = {1: symbols[:1], 25: symbols[:25], 100: symbols[:100]}
        taken: dict[tuple[int, bool], list[float]] = {}
        for k, day in enumerate(days):
            count = list(counts)[k % len(counts)]
            body = {"mode": "multiple", "symbols": counts[count], "as_of": str(day), "ml_horizon": HORIZON}
            for ml in (False, True):
                asked = {**body, "include_ml": ml, "ml_timeout": 30_000}
                start = time.perf_counter()
                status, answer = server.ask("POST", URL, asked)
                seconds = time.perf_counter() - start
                assert status == 200, answer
                assert not ml or "mlPrediction" in answer["data"]["stocks"][0], answer["data"]["stocks"][0]
                if k >= WARM_DAYS:
                    taken.setdefault((count, ml), []).append(1e3 * seconds)
    for (count, ml), ms in sorted(taken.items()):
        what = "the forecast too, its board computed before" if ml else "the classic answer"
        named = f"a past day over HTTP, {count} symbols, {what}"
        rows.append((f"{named}, median", middle_ms(ms), "ms", None, len(ms)))
        rows.append((f"{named}, 99th percentile", float(np.percentile(ms, 99)), "ms", None, len(ms)))
    return {"rows": rows}


def reader(quick: bool) -> dict[str, Any]:
    """Read and ask the board as a server process does, without models."""
    from vfr.adapters.store.datasets import DirectoryDatasets
    from vfr.adapters.store.ml_boards import DirectoryMlBoards
    from vfr.settings import load
    from vfr.typing import MEMBER_NAMES
    from vfr.workflows.board_forecasts import BoardForecasts
    from vfr.workflows.recombine import recombined
    from vfr.workflows.toggles import ToggleState

    class On:
        state = ToggleState()

        def read(self) -> ToggleState:
            return self.state

    home = load().data_home
    datasets, boards = DirectoryDatasets(home), DirectoryMlBoards(home)
    name = datasets.current()
    assert name is not None
    before = resident()
    start = time.perf_counter()
    board = boards.latest(name)
    load_ms = 1e3 * (time.perf_counter() - start)
    assert board is not None
    answers, universe = board.horizons[HORIZON], board.universe
    asked = BoardForecasts(boards, datasets.stamp, On(), None)  # type: ignore[arg-type]
    assert getattr(asked.at(None, HORIZON, MEMBER_NAMES, "weighted", 1), "from_cache", False)
    repeats = 50 if quick else 500
    rows = [("reading a board, first", load_ms, "ms", None, 1)]
    rows.append(("reading a board, again", 1e3 * middle_of(lambda: boards.latest(name), 20), "ms", None, 20))
    for method in ("weighted", "voting", "stacking"):
        taken = middle_of(lambda m=method: recombined(universe, answers, MEMBER_NAMES, m, "hard", {}), repeats)
        rows.append((f"combining from the board, {method}", 1e6 * taken, "us", None, repeats))
    ready = middle_of(lambda: asked.ready(None, HORIZON, MEMBER_NAMES, "weighted"), 20 * repeats)
    rows.append(("an answer that was combined before", 1e6 * ready, "us", 30.0, 20 * repeats))
    rows.append(("memory a reading process grows by, one combination held", resident() - before, "MiB", None, 1))
    return {"rows": rows}


def resident() -> float:
    """Return the MiB of memory this process holds, shared pages included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def middle_of(call: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of a call."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


if __name__ == "__main__":
    parts = {"full": full, "warm": warm, "reader": reader, "served": served}
    print(json.dumps(parts[sys.argv[1]](sys.argv[2] == "quick")))
