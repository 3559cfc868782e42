"""Answers given again are those of a server that remembers none, whatever was asked and turned in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.journal.test_desk import BOARDS, WHOLE, predicted

from vfr import bootstrap, clock
from vfr.api.rendering import rendered, rendered_again
from vfr.experiments.experiment import Experiment
from vfr.settings import Settings
from vfr.workflows.answer import MlPrediction
from vfr.workflows.compare import apply
from vfr.workflows.forecaster import Forecast, MlUnavailable
from vfr.workflows.prepared import PreparedBoards
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.repeated import GivenAnswers, Repeated

START = datetime(2026, 3, 4, 4, 40, tzinfo=UTC)
"""Twenty minutes before a day ends in New York: inputs grow older on the way."""

SHARES = {"classic": 0.4, "ml": 0.4, "shadow": 0.2}
COMPARED = Experiment("3f", "blend", "salt", SHARES, 0.2, "1d", 0.3, "2012-01-03", 0.0, "me", "try it")
SAYS = (
    *(predicted(row) for row in (300, 300, 303)),
    MlUnavailable("DISABLED", "switched off"),
    MlUnavailable("DISABLED", "switched off again"),
    MlUnavailable("TRAINING", "on their way"),
)
QUOTA = MlUnavailable("ML_QUOTA", "0 units are left")
SYMBOLS = (*WHOLE.symbols[:3], "ZZZZ")

TURNED = {
    "symbols": (SYMBOLS[1:], SYMBOLS[3:]),
    "include_ml": (True, False),
    "ml_weight": (0.15, 0.0, -0.0),
    "ml_confidence_threshold": (0.5, 0.0),
    "subject": (None, *(f"user-{n}" for n in range(6))),  # Whom an experiment deals to its arms.
    "short": (False, True),  # Whether units are short.
    "says": range(len(SAYS)),
    "there": (False, True),  # Whether the forecast was there already.
    "row": (300, 303),
    "minutes": (0, 15),
}
"""What may differ between two requests; the first is what a server begins with."""

TURNS = st.sampled_from([(name, value) for name, values in TURNED.items() for value in values])


class Server:
    """An application that is told what it finds; it keeps what it shows, as a journal would."""

    def __init__(self, whole, given):
        self.finds, self.row, self.shown = None, 300, []
        board = lambda _day: BOARDS[self.row]  # noqa: E731
        said = SimpleNamespace(at=lambda *_: self.finds, ready=lambda *_: self.finds)
        self.application = replace(
            whole,
            boards=SimpleNamespace(at=board, ready=board),
            forecaster=said,
            journal=SimpleNamespace(shown=self._keep),
            prepared=PreparedBoards(),
            given=given,
        )

    def _keep(self, query, answer, request_id):
        weights = [stock.ml.weight if isinstance(stock.ml, MlPrediction) else None for stock in answer.stocks]
        scores = [(stock.symbol, stock.composite) for stock in answer.stocks]
        self.shown.append((request_id, query, answer.metadata["asOf"], scores, weights))

    def answer(self, query, request_id):
        """Answer as the route does; also whether it was given again."""
        found = self.application.ready(query, request_id) or self.application.analyze(query, request_id)
        again = isinstance(found, Repeated)
        return rendered_again(found) if again else rendered(found), again


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    made = bootstrap.build(Settings(data_home=tmp_path_factory.mktemp("repeated")))
    yield made
    made.close()


@examples(200)
@given(turns=st.lists(TURNS, min_size=8, max_size=40))
def test_whatever_is_turned_in_between_nobody_is_told_what_was_true_before(whole, turns):
    remembers, forgets = Server(whole, GivenAnswers()), Server(whole, GivenAnswers(stocks=0))
    state = {name: values[0] for name, values in TURNED.items()}
    with pytest.MonkeyPatch.context() as patched:
        for n, (name, value) in enumerate(turns):
            state[name] = value
            query, finds = asked(state), SAYS[state["says"]]
            if isinstance(finds, Forecast):
                finds = replace(finds, latency_ms=1.2345 * n, from_cache=state["there"])
            for server in (remembers, forgets):
                server.finds, server.row = finds, state["row"]
            for time in range(3):
                now = START + timedelta(minutes=state["minutes"], milliseconds=3 * n + time)
                patched.setattr(clock, "utc_now", lambda now=now: now)
                (told, again), (anew, other) = (s.answer(query, f"request-{n}-{time}") for s in (remembers, forgets))
                assert told == anew
                assert not other
            taken = query.include_ml and query.ml_refused is None and isinstance(finds, Forecast)
            of_others = taken and finds.data_version != f"v{state['row']}"
            assert again is (not of_others and query.symbols != SYMBOLS[3:]), "the third time it is given again"
    assert remembers.shown == forgets.shown
    assert len({request_id for request_id, *_ in remembers.shown}) == len(remembers.shown) == 3 * len(turns)


def test_an_answer_that_cannot_come_again_takes_nothing_from_those_that_can(whole):
    server = Server(whole, GivenAnswers(stocks=5))
    often, short = (
        AnalyzeQuery.parse({"mode": "single", "symbols": [WHOLE.symbols[0]], "include_ml": ml}) for ml in (False, True)
    )
    server.finds = SAYS[0]
    server.answer(often, "first")  # The board is prepared by it.
    server.answer(often, "second")
    for left in range(10):
        refused = MlUnavailable("ML_QUOTA", f"{left} units are left", momentary=True)
        assert not server.answer(replace(short, ml_refused=refused), f"short-{left}")[1]
    assert server.answer(often, "third")[1]


def asked(state):
    """Return the question of a state, as who limits and deals callers hands it on."""
    plain = ("symbols", "include_ml", "ml_weight", "ml_confidence_threshold")
    body = {"mode": "multiple", "ml_horizon": "1d", **{name: state[name] for name in plain}}
    query = AnalyzeQuery.parse(body)
    if state["subject"] is not None:
        query, _ = apply(query, COMPARED, state["subject"])
    return replace(query, ml_refused=QUOTA) if state["short"] and query.include_ml else query
