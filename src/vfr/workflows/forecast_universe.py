"""One forecast of a whole universe: features of the last session, every member asked, one ensemble, percentiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr import clock
from vfr.typing import FloatArray, Horizon, Matrix32
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable, UnavailableCode
from vfr.workflows.versions import Choice

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.ensemble.asking import MemberResult
    from vfr.ensemble.combine import Verdict
    from vfr.ensemble.committee import Committee, Seat

__all__ = ["forecast_universe"]

SMALL_UNIVERSE: Final = 50
TOP_FEATURES: Final = 10

_CODES: Final[tuple[tuple[str, UnavailableCode], ...]] = (
    ("corrupt", "ARTIFACT_CORRUPT"),
    ("failed", "ML_ERROR"),
    ("timeout", "TIMEOUT"),
)
"""Why nobody answers, by the statuses of members: what lasts before what passes."""


def forecast_universe(
    snapshot: Snapshot,
    choices: Sequence[Choice],
    horizon: Horizon,
    convene: Callable[[tuple[Seat, ...]], Committee],
    disabled: Mapping[str, str],
    heard: Callable[[Sequence[MemberResult]], None],
) -> Forecast | MlUnavailable:
    """Forecast every symbol of a snapshot from its last session.

    Parameters
    ----------
    snapshot : Snapshot
        As it was known on the day asked for.
    choices : sequence of Choice
        Members asked for, at least one with a version.
    horizon : Horizon
    convene : callable
        Makes the committee of seats; called when everything is ready to be asked.
    disabled : mapping of str to str
        Why a member may not answer, by name.
    heard : callable
        Told what every member answered, also where none of them could; must not raise.
    """
    from vfr.ensemble.committee import Seat

    seats = tuple(
        Seat((choice.card, *choice.spares), choice.passed_over, disabled.get(choice.member))
        for choice in choices
        if choice.card is not None
    )
    if all(seat.off is not None for seat in seats):
        reasons = "; ".join(f"{seat.member}: {seat.off}" for seat in seats)
        return MlUnavailable("DISABLED", f"every member that could answer is switched off ({reasons})")
    X, names = _last_rows(snapshot, [seat.member for seat in seats if seat.off is None])
    base_rate = _base_rate(snapshot, horizon)
    committee = convene(seats)
    verdict = committee.verdict(X, names)
    heard(verdict.results)
    if all(result.prediction is None for result in verdict.results):
        return _none(verdict.results)
    members = _members(choices, verdict, disabled)
    return _forecast(horizon, snapshot, members, base_rate, _importance(seats, verdict), verdict, committee.method)


def _none(results: Sequence[MemberResult]) -> MlUnavailable:
    """Say why no member answered."""
    reasons = "; ".join(f"{result.version}: {result.reason}" for result in results)
    statuses = {result.status for result in results}
    code = next(code for status, code in _CODES if status in statuses)
    return MlUnavailable(code, f"no member could answer ({reasons})")


def _last_rows(snapshot: Snapshot, members: Sequence[str]) -> tuple[Matrix32, tuple[str, ...]]:
    """Return [L x N x F] features of the last sessions, as many as any member looks back over, and their names.

    A name that left the market has no row, as in training: it keeps statements for a while, but there is nothing left
    to forecast, and it must not hold a place among the others.
    """
    from vfr import features
    from vfr.models.learners import LEARNERS

    end, lookback = snapshot.sessions.size, max(LEARNERS[member].lookback for member in members)
    matrix = features.compute(snapshot, slice(max(end - lookback, 0), end))
    X = np.ascontiguousarray(matrix.values.transpose(1, 2, 0))
    X[~snapshot.panel.trading()[-X.shape[0] :]] = np.nan
    return X, matrix.names


def _forecast(
    horizon: Horizon,
    snapshot: Snapshot,
    members: tuple[MemberForecast, ...],
    base_rate: float,
    importance: tuple[tuple[str, float], ...],
    verdict: Verdict,
    method: str,
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
        base_rate=base_rate,
        score=percentile(combined.expected_excess[None], None, min_group=1)[0],
        agreement=verdict.agreement,
        members=members,
        method_applied=verdict.method_applied,
        note=verdict.note,
        small_universe=ranked < SMALL_UNIVERSE,
        importance=importance,
        computed_at=clock.epoch_ms(),
        latency_ms=0.0,
        from_cache=False,
        method=method,
    )


def _base_rate(snapshot: Snapshot, horizon: Horizon) -> float:
    """Return what needs no model: the share of rises among the outcomes matured by the snapshot's last session."""
    from vfr.features.labels import make
    from vfr.validation.baserate import ex_ante_base_rate
    from vfr.workflows.train_data import counting

    counts, _ = counting(snapshot)
    labels = make(snapshot.panel, horizon, universe=counts)
    return float(ex_ante_base_rate(labels.direction, labels.span, counts)[-1])


def _members(choices: Sequence[Choice], verdict: Verdict, disabled: Mapping[str, str]) -> tuple[MemberForecast, ...]:
    """Return every member asked for, in order: those that answered, those that did not, those without a version."""
    answers = dict(
        zip((r.member for r in verdict.results), zip(verdict.results, verdict.weights, strict=True), strict=True)
    )
    unknown = np.full(verdict.weights.shape[1], np.nan)
    nothing = np.zeros_like(unknown)
    return tuple(
        _answered(*answers[choice.member], unknown)
        if choice.member in answers
        else _versionless(choice, disabled.get(choice.member), unknown, nothing)
        for choice in choices
    )


def _answered(result: MemberResult, weight: FloatArray, unknown: FloatArray) -> MemberForecast:
    found = result.prediction
    return MemberForecast(
        member=result.member,
        version=result.version,
        status=result.status,
        reason=result.reason,
        p_up=unknown if found is None else found.p_up,
        expected=unknown if found is None else found.expected_excess,
        weight=weight,
        latency_ms=result.latency_ms,
        warning=result.warning,
    )


def _versionless(choice: Choice, off: str | None, unknown: FloatArray, nothing: FloatArray) -> MemberForecast:
    status, reason = (choice.status, choice.reason) if off is None else ("disabled", off)
    return MemberForecast(choice.member, None, status, reason, unknown, unknown, nothing, 0.0)


def _importance(seats: Sequence[Seat], verdict: Verdict) -> tuple[tuple[str, float], ...]:
    """Return the leading features, averaged over the versions that answered, as shares of the total."""
    from vfr.ensemble.committee import shared_importance

    answered = {result.version for result in verdict.results if result.prediction is not None}
    cards = [card for seat in seats for card in seat.cards if card.model_id in answered]
    return tuple(
        sorted(shared_importance([card.importance for card in cards]).items(), key=lambda item: (-item[1], item[0]))[
            :TOP_FEATURES
        ]
    )
