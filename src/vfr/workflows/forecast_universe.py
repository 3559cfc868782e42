"""One forecast of a whole universe: features of the last session, every member asked, one ensemble, percentiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr import clock
from vfr.typing import FloatArray, Horizon, Matrix32
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable
from vfr.workflows.versions import Choice

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.ensemble.asking import MemberResult
    from vfr.ensemble.combine import Method, Verdict
    from vfr.features.matrix import FeatureMatrix
    from vfr.models.prediction import ModelCard, Prediction, Predictor

__all__ = ["forecast_universe"]

SMALL_UNIVERSE: Final = 50
TOP_FEATURES: Final = 10


def forecast_universe(
    snapshot: Snapshot,
    choices: Sequence[Choice],
    load: Callable[[str], Predictor],
    horizon: Horizon,
    method: Method,
    failed: Callable[[str, BaseException], None],
) -> Forecast | MlUnavailable:
    """Forecast every symbol of a snapshot from its last session.

    Parameters
    ----------
    snapshot : Snapshot
        As it was known on the day asked for.
    choices : sequence of Choice
        Members asked for, at least one with a version.
    load : callable
        Gives the verified predictor of a model id; may raise.
    horizon : Horizon
    method : {"weighted", "voting", "stacking"}
    failed : callable
        Told the model id and the error of every member that fails.
    """
    from vfr.ensemble.combine import Base, combine
    from vfr.models.learners import LEARNERS

    n = len(snapshot.symbols)
    some = [(choice.passed_over, (choice.card, *choice.spares)) for choice in choices if choice.card is not None]
    rows = _LastRows(snapshot, max(LEARNERS[cards[0].member].lookback for _, cards in some))
    asked = [_ask(cards, passed_over, load, rows, n, failed) for passed_over, cards in some]
    results = [one.result for one in asked]
    if all(result.prediction is None for result in results):
        reasons = "; ".join(f"{result.version}: {result.reason}" for result in results)
        corrupt = any(result.status == "corrupt" for result in results)
        return MlUnavailable("ARTIFACT_CORRUPT" if corrupt else "ML_ERROR", f"no member could answer ({reasons})")
    verdict = combine(results, method, n, Base.equal([result.member for result in results]))
    return _forecast(horizon, snapshot, choices, asked, verdict)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What a member answered, the card of the version that did, and a warning where that is not the first choice."""

    result: MemberResult
    card: ModelCard
    warning: str | None


def _ask(
    cards: Sequence[ModelCard],
    passed_over: str | None,
    load: Callable[[str], Predictor],
    rows: _LastRows,
    n: int,
    failed: Callable[[str, BaseException], None],
) -> _Asked:
    """Ask versions of one member until one answers, telling each failure; if none can, return what the first said."""
    from vfr.ensemble.asking import ask

    failures: list[_Asked] = []
    reasons = [passed_over] if passed_over is not None else []
    for card in cards:
        result = ask(card.member, card.model_id, _question(card, load, rows), n)
        if result.error is None:
            warning = f"{'; '.join(reasons)}; {card.model_id} answers in its place" if reasons else None
            return _Asked(result, card, warning)
        failed(result.version, result.error)
        failures.append(_Asked(result, card, None))
        reason = str(result.reason)
        reasons.append(reason if reason.startswith(card.model_id) else f"{card.model_id}: {reason}")
    return failures[0]


def _question(card: ModelCard, load: Callable[[str], Predictor], rows: _LastRows) -> Callable[[], Prediction]:
    """Return the question put to one member: a forecast of the names that trade."""
    return lambda: load(card.model_id).predict(rows.of(card.feature_names))


class _LastRows:
    """Features of a snapshot's last sessions, computed when first asked for.

    A name that left the market has no row, as in training: it keeps statements for a while, but there is nothing left
    to forecast, and it must not hold a place among the others.
    """

    def __init__(self, snapshot: Snapshot, sessions: int) -> None:
        self._snapshot = snapshot
        self._sessions = sessions
        self._matrix: FeatureMatrix | None = None

    def of(self, names: Sequence[str]) -> Matrix32:
        """Return [L x N x F] rows in the order of `names`."""
        if self._matrix is None:
            from vfr import features

            end = self._snapshot.sessions.size
            self._matrix = features.compute(self._snapshot, slice(max(end - self._sessions, 0), end))
        order = [self._matrix.names.index(name) for name in names]
        X = np.ascontiguousarray(self._matrix.values[order].transpose(1, 2, 0))
        X[~self._snapshot.panel.trading()[-X.shape[0] :]] = np.nan
        return X


def _forecast(
    horizon: Horizon,
    snapshot: Snapshot,
    choices: Sequence[Choice],
    asked: Sequence[_Asked],
    verdict: Verdict,
) -> Forecast:
    from vfr.factors.transforms import percentile

    combined = verdict.prediction
    ranked = int(np.isfinite(combined.expected_excess).sum())
    return Forecast(
        data_version=snapshot.version,
        as_of=snapshot.as_of,
        horizon=horizon,
        symbols=snapshot.symbols,
        p_up=combined.p_up,
        expected_excess=combined.expected_excess,
        low=combined.low,
        high=combined.high,
        confidence=combined.confidence,
        level=combined.level,
        base_rate=_base_rate(snapshot, horizon),
        score=percentile(combined.expected_excess[None], None, min_group=1)[0],
        agreement=verdict.agreement,
        members=_members(choices, asked, verdict.weights),
        method_applied=verdict.method_applied,
        note=verdict.note,
        small_universe=ranked < SMALL_UNIVERSE,
        importance=_importance(asked),
        computed_at=clock.epoch_ms(),
        latency_ms=0.0,
        from_cache=False,
    )


def _base_rate(snapshot: Snapshot, horizon: Horizon) -> float:
    """Return what needs no model: the share of rises among the outcomes matured by the snapshot's last session."""
    from vfr.features.labels import make
    from vfr.validation.baserate import ex_ante_base_rate
    from vfr.workflows.train_data import counting

    counts, _ = counting(snapshot)
    labels = make(snapshot.panel, horizon, universe=counts)
    return float(ex_ante_base_rate(labels.direction, labels.span, counts)[-1])


def _members(choices: Sequence[Choice], asked: Sequence[_Asked], weights: FloatArray) -> tuple[MemberForecast, ...]:
    """Return every member asked for, in order: those that answered, those that failed, those without a version."""
    place = {one.result.member: m for m, one in enumerate(asked)}
    n = weights.shape[1]
    found = []
    for choice in choices:
        if choice.member not in place:
            nothing = np.full(n, np.nan)
            found.append(MemberForecast(choice.member, None, choice.status, choice.reason, nothing, np.zeros(n), 0.0))
            continue
        m = place[choice.member]
        result = asked[m].result
        p_up = np.full(n, np.nan) if result.prediction is None else result.prediction.p_up
        found.append(
            MemberForecast(
                result.member,
                result.version,
                result.status,
                result.reason,
                p_up,
                weights[m],
                result.latency_ms,
                asked[m].warning,
            )
        )
    return tuple(found)


def _importance(asked: Sequence[_Asked]) -> tuple[tuple[str, float], ...]:
    """Return the leading features by gain, averaged over the members that answered, as shares of the total."""
    shares: dict[str, float] = {}
    for one in asked:
        if one.result.prediction is None:
            continue
        total = sum(one.card.importance.values())
        for name, gain in one.card.importance.items():
            shares[name] = shares.get(name, 0.0) + (gain / total if total > 0 else 0.0)
    whole = sum(shares.values()) or 1.0
    leading = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:TOP_FEATURES]
    return tuple((name, share / whole) for name, share in leading)
