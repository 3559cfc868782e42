"""One forecast from what members said: switches, weights, method, percentiles. Numpy only, and the only way to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from vfr.ensemble.asking import MemberResult
from vfr.ensemble.combine import Base, Method, Verdict, Voting, combine
from vfr.ensemble.committee import shared_importance
from vfr.factors.transforms import percentile
from vfr.typing import FloatArray
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable, UnavailableCode
from vfr.workflows.ml_board import Answer, HorizonAnswers, Universe
from vfr.workflows.versions import Choice, Wanted, none_reason

__all__ = ["answerable", "earners", "recombined"]

SMALL_UNIVERSE: Final = 50
TOP_FEATURES: Final = 10

_CODES: Final[tuple[tuple[str, UnavailableCode], ...]] = (
    ("corrupt", "ARTIFACT_CORRUPT"),
    ("failed", "ML_ERROR"),
    ("timeout", "TIMEOUT"),
    ("disabled", "DISABLED"),
)
"""Why nobody answers, by the statuses of members: what lasts before what passes."""


def earners(answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return the key of `HorizonAnswers.bases`: the sorted names of those that have a version."""
    return tuple(sorted({answer.member for answer in answers if answer.versions}))


def recombined(
    universe: Universe,
    found: HorizonAnswers,
    members: Sequence[str],
    method: Method,
    voting: Voting,
    off: Mapping[str, str],
) -> Forecast | MlUnavailable:
    """Return the forecast of some members by a method.

    Parameters
    ----------
    universe : Universe
    found : HorizonAnswers
    members : sequence of str
        Members asked for, in the order of the answer.
    method : {"weighted", "voting", "stacking"}
    voting : {"hard", "soft"}
    off : mapping of str to str
        Why members and versions may not answer, by name and by model id. A member whose version is switched off is
        left out: no other version answers in its place unseen.

    Raises
    ------
    KeyError
        If it is not held what these members have earned together; see `answerable`.
    """
    asked = _asked(found, members)
    reasons = {answer.member: _off(answer, off) for answer in asked}
    able = [answer for answer in asked if answer.result is not None]
    if not able:
        wanted = Wanted(found.horizon, universe.data_name, "", universe.as_of, universe.past)
        return none_reason([_choice(answer) for answer in asked], wanted, found.problems)
    if all(reasons[answer.member] is not None for answer in able):
        words = "; ".join(f"{answer.member}: {reasons[answer.member]}" for answer in able)
        return MlUnavailable("DISABLED", f"every member that could answer is switched off ({words})")
    results = [_said(answer.result, answer.versions[0], reasons[answer.member]) for answer in able if answer.result]
    if all(result.prediction is None for result in results):
        return _none(results)
    base = found.bases[earners(asked)]
    base = _one_voice_each(base, [answer.member for answer in able]) if method == "voting" else base
    verdict = combine(results, method, len(universe.symbols), base, voting=voting)
    return _forecast(universe, found, _members(asked, verdict, reasons), _importance(asked, verdict), verdict, method)


def answerable(found: HorizonAnswers, members: Sequence[str], off: Mapping[str, str]) -> bool:
    """Return whether what is held tells what some members say.

    It does not where a member was switched off when it was held and is not any more.
    """
    asked = _asked(found, members)
    return all(
        answer.result is None or answer.result.status != "disabled" or _off(answer, off) is not None for answer in asked
    ) and (earners(asked) in found.bases or not earners(asked))


def _asked(found: HorizonAnswers, members: Sequence[str]) -> list[Answer]:
    return [found.answers.get(member) or _without_learner(member) for member in members]


def _without_learner(member: str) -> Answer:
    return Answer(member, (), "no_learner", "no learner of this name yet", None, None, {})


def _choice(answer: Answer) -> Choice:
    return Choice(answer.member, None, answer.status, answer.reason)


def _off(answer: Answer, off: Mapping[str, str]) -> str | None:
    """Return why a member may not answer: it is switched off itself, or the version that would or did answer is."""
    if not off:
        return None
    ids = [answer.member, *answer.versions[:1]]
    if answer.result is not None:
        ids.append(answer.result.version)
    return next((off[one] for one in ids if one in off), None)


def _said(result: MemberResult, version: str, off: str | None) -> MemberResult:
    return result if off is None else MemberResult(result.member, version, None, "disabled", off, None, 0.0)


def _none(results: Sequence[MemberResult]) -> MlUnavailable:
    """Say why no member answered."""
    reasons = "; ".join(f"{result.version}: {result.reason}" for result in results)
    statuses = {result.status for result in results}
    code = next(code for status, code in _CODES if status in statuses)
    return MlUnavailable(code, f"no member could answer ({reasons})")


def _one_voice_each(earned: Base, members: Iterable[str]) -> Base:
    """Return one voice for each member, none for those that are benched."""
    names = sorted({*members, *earned.weights})
    voices = {member: float(earned.weights.get(member, 1.0) > 0.0) for member in names}
    note = earned.note if 0.0 in voices.values() else None
    return replace(earned, weights=voices, note=note, stacker=None)


def _forecast(
    universe: Universe,
    found: HorizonAnswers,
    members: tuple[MemberForecast, ...],
    importance: tuple[tuple[str, float], ...],
    verdict: Verdict,
    method: str,
) -> Forecast:
    combined = verdict.prediction
    ranked = int(np.isfinite(combined.expected_excess).sum())
    return Forecast(
        data_version=universe.data_version,
        as_of=universe.as_of,
        horizon=found.horizon,
        symbols=universe.symbols,
        p_up=combined.p_up,
        expected_excess=combined.expected_excess,
        low=combined.low,
        high=combined.high,
        confidence=combined.confidence,
        level=combined.level,
        base_rate=found.base_rate,
        score=percentile(combined.expected_excess[None], None, min_group=1)[0],
        agreement=verdict.agreement,
        members=members,
        method_applied=verdict.method_applied,
        note=verdict.note,
        small_universe=ranked < SMALL_UNIVERSE,
        importance=importance,
        computed_at=found.computed_at,
        latency_ms=0.0,
        from_cache=False,
        method=method,
    )


def _members(
    asked: Sequence[Answer], verdict: Verdict, reasons: Mapping[str, str | None]
) -> tuple[MemberForecast, ...]:
    """Return every member asked for, in order: those that answered, those that did not, those without a version."""
    said = dict(
        zip((r.member for r in verdict.results), zip(verdict.results, verdict.weights, strict=True), strict=True)
    )
    unknown = np.full(verdict.weights.shape[1], np.nan)
    nothing = np.zeros_like(unknown)
    return tuple(
        _answered(*said[answer.member], unknown)
        if answer.member in said
        else _versionless(answer, reasons[answer.member], unknown, nothing)
        for answer in asked
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


def _versionless(answer: Answer, off: str | None, unknown: FloatArray, nothing: FloatArray) -> MemberForecast:
    status, reason = (answer.status, answer.reason) if off is None else ("disabled", off)
    return MemberForecast(answer.member, None, status, reason, unknown, unknown, nothing, 0.0)


def _importance(asked: Sequence[Answer], verdict: Verdict) -> tuple[tuple[str, float], ...]:
    """Return the leading features, averaged over the versions that answered, as shares of the total."""
    answered = {result.member for result in verdict.results if result.prediction is not None}
    shared = shared_importance([answer.importance for answer in asked if answer.member in answered])
    return tuple(sorted(shared.items(), key=lambda item: (-item[1], item[0]))[:TOP_FEATURES])
