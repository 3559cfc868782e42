"""The members asked together: who answers, within which time, and what becomes of those that cannot.

A member that raises, hangs, answers nothing or something else than asked, or is switched off leaves the others, whose
weights are renormalised row by row, and is listed with its status and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np

from vfr.ensemble.asking import FIELDS, MemberResult, ask, checked
from vfr.ensemble.combine import Base, Method, Verdict, Voting, combine
from vfr.ensemble.lanes import Lanes, Left, Limits, Task
from vfr.errors import ModelError
from vfr.models.prediction import ModelCard, Prediction, Predictor, SharingPredictor
from vfr.models.sections import Sections
from vfr.typing import Matrix32

__all__ = ["PARALLEL_ROWS", "Committee", "Seat", "shared_importance", "switched_off"]

PARALLEL_ROWS: Final = 300
"""Rows from which lanes side by side are faster than one: below, handing over costs more than it saves; see
``benchmarks/committee.py``."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One member's place.

    Parameters
    ----------
    cards : tuple of ModelCard
        Versions that may answer, first choice first, at least one; the next is asked if one fails.
    passed_over : str or None
        Why a better choice is not among them.
    off : str or None
        Why the member may not answer.
    """

    cards: tuple[ModelCard, ...]
    passed_over: str | None = None
    off: str | None = None

    @property
    def member(self) -> str:
        """Name of the learner."""
        return self.cards[0].member


def _unread(model_id: str) -> bool:
    """Say of no version that it is yet to be read."""
    del model_id
    return False


def _quiet(model_id: str, error: BaseException) -> None:
    """Keep no log."""


@dataclass(frozen=True)
class Committee:
    """Members that answer as one; implements `vfr.models.prediction.Predictor`.

    Parameters
    ----------
    seats : tuple of Seat
        At least one.
    load : callable
        Gives the predictor of a model id; called on a lane, may raise, and may hang.
    lanes : Lanes
        Shared by every committee of a process, so that a member that hangs in one is not asked in another.
    base : Base, optional
        By default every member has earned the same.
    method : {"weighted", "voting", "stacking"}
    voting : {"hard", "soft"}
    limits : Limits
    width : int
        Lanes used side by side from `PARALLEL_ROWS` rows on.
    unread : callable
        Whether a version is yet to be read: it is waited for although it was late before.
    failed : callable
        Told, on whatever thread, the model id and the error of each version that fails or is left behind.
    """

    seats: tuple[Seat, ...]
    load: Callable[[str], Predictor]
    lanes: Lanes
    base: Base | None = None
    method: Method = "weighted"
    voting: Voting = "hard"
    limits: Limits = field(default_factory=Limits)
    width: int = 2
    unread: Callable[[str], bool] = _unread
    failed: Callable[[str, BaseException], None] = _quiet

    @cached_property
    def card(self) -> ModelCard:
        """Identity: the members' ids, the features of all of them, and what they learned from at most."""
        cards = [seat.cards[0] for seat in self.seats]
        names = dict.fromkeys(name for seat in self.seats for card in seat.cards for name in card.feature_names)
        return replace(
            cards[0],
            model_id=f"ensemble({'+'.join(card.model_id for card in cards)})",
            member="ensemble",
            feature_names=tuple(names),
            labels_end=max(card.labels_end for card in cards),
            train_start=min(card.train_start for card in cards),
            params={"method": self.method, "weights": dict(self._base.weights)},
            metrics={},
            importance=shared_importance([card.importance for card in cards]),
            gates={},
            files={},
        )

    @property
    def _base(self) -> Base:
        return self.base or Base.equal([seat.member for seat in self.seats])

    def predict(self, X: Matrix32) -> Prediction:
        """Predict the last of L cross-sections, shape (L, N, F), columns in `card.feature_names` order."""
        return self.verdict(X).prediction

    def verdict(self, X: Matrix32, names: Sequence[str] | None = None) -> Verdict:
        """Ask every member and combine what they say; see `results`.

        Returns
        -------
        Verdict
            NaN throughout if no member answers; `results` say why.
        """
        return combine(self.results(X, names), self.method, X.shape[1], self._base, voting=self.voting)

    def results(self, X: Matrix32, names: Sequence[str] | None = None) -> list[MemberResult]:
        """Ask every member, and return what each says, in the order of the seats.

        Parameters
        ----------
        X : float32 array, shape (L, N, F)
            Raw feature rows of L whole cross-sections, as `vfr.models.prediction.Predictor` takes them; members read
            this one copy, cannot write to it, and rank it once for all that can share that.
        names : sequence of str, length F, optional
            Columns of X; by default `card.feature_names`. A member that reads another column fails by itself.
        """
        rows = X.view()
        rows.flags.writeable = False
        n_rows, sections = X.shape[1], Sections(rows)
        held = self.card.feature_names if names is None else tuple(names)
        asked = [seat for seat in self.seats if seat.off is None]
        tasks = [
            Task(seat.member, self._question(seat, sections, held), self.unread(seat.cards[0].model_id))
            for seat in asked
        ]
        answers = self.lanes.run(tasks, self.limits, self.width if n_rows >= PARALLEL_ROWS else 1)
        by_member = {seat.member: self._result(seat, answer) for seat, answer in zip(asked, answers, strict=True)}
        return [by_member.get(seat.member) or switched_off(seat) for seat in self.seats]

    def _question(self, seat: Seat, sections: Sections, names: Sequence[str]) -> Callable[[], MemberResult]:
        return lambda: self._ask(seat, sections, names)

    def _ask(self, seat: Seat, sections: Sections, names: Sequence[str]) -> MemberResult:
        """Ask a member's versions until one answers, telling each failure; if none can, return what the first said."""
        failures: list[MemberResult] = []
        reasons = [seat.passed_over] if seat.passed_over is not None else []
        for card in seat.cards:
            predicting = self._predicting(card, sections, names)
            result = ask(card.member, card.model_id, predicting, sections.X.shape[1])
            if result.error is None:
                warning = f"{'; '.join(reasons)}; {card.model_id} answers in its place" if reasons else None
                return replace(result, warning=warning)
            self.failed(card.model_id, result.error)
            failures.append(result)
            reason = str(result.reason)
            reasons.append(reason if reason.startswith(card.model_id) else f"{card.model_id}: {reason}")
        return failures[0]

    def _predicting(self, card: ModelCard, sections: Sections, names: Sequence[str]) -> Callable[[], Prediction]:
        def predict() -> Prediction:
            predictor, mine = self.load(card.model_id), _columns(sections, names, card)
            if isinstance(predictor, SharingPredictor):
                said = predictor.predict_shared(mine)
            else:
                said = predictor.predict(mine.X)
            found = checked(said, mine.X.shape[1])
            _something(found, sections.X)
            return found

        return predict

    def _result(self, seat: Seat, answer: MemberResult | Left) -> MemberResult:
        if isinstance(answer, MemberResult):
            return answer
        version = seat.cards[0].model_id
        if answer.ended:
            reason, error = "its thread ended without an answer", ModelError(f"{version}: its thread ended")
            self.failed(version, error)
            return MemberResult(seat.member, version, None, "failed", reason, error, answer.after_ms)
        if answer.earlier:
            reason = f"still at an earlier question after {answer.after_ms:.0f} ms; not asked again before it answers"
            return MemberResult(seat.member, version, None, "timeout", reason, None, 0.0)
        reason = (
            f"no answer within {answer.after_ms:.0f} ms" if answer.after_ms > 0 else "the time was up before its turn"
        )
        late = TimeoutError(f"{version}: {reason}")
        self.failed(version, late)
        return MemberResult(seat.member, version, None, "timeout", reason, late, answer.after_ms)


def shared_importance(importances: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return each feature's importance averaged over versions, as shares of the total; empty if there is none."""
    shares: dict[str, float] = {}
    for importance in importances:
        total = sum(importance.values())
        for name, gain in importance.items():
            shares[name] = shares.get(name, 0.0) + (gain / total if total > 0 else 0.0)
    whole = sum(shares.values())
    return {name: share / whole for name, share in shares.items()} if whole > 0 else {}


def _columns(sections: Sections, names: Sequence[str], card: ModelCard) -> Sections:
    """Return rows in the order of a version's features: these themselves where it is the same order."""
    if tuple(card.feature_names) == tuple(names):
        return sections
    place = {name: f for f, name in enumerate(names)}
    missing = [name for name in card.feature_names if name not in place]
    if missing:
        raise ModelError(f"{card.model_id}: reads {', '.join(missing[:3])}, which these rows do not hold")
    return Sections(np.ascontiguousarray(sections.X[..., [place[name] for name in card.feature_names]]))


def switched_off(seat: Seat) -> MemberResult:
    """Return what a member that may not answer says."""
    return MemberResult(seat.member, seat.cards[0].model_id, None, "disabled", seat.off, None, 0.0)


def _something(found: Prediction, rows: Matrix32) -> None:
    """Refuse a prediction that knows nothing of names of which something is known.

    A feature that is the same for every name says nothing about one.
    """
    if np.isfinite(sum(getattr(found, field) for field in FIELDS)).any():
        return
    known = np.isfinite(rows[-1])
    high, low = (np.where(known, rows[-1], edge) for edge in (-np.inf, np.inf))
    if bool(np.any(high.max(axis=0, initial=-np.inf) > low.min(axis=0, initial=np.inf))):
        raise ModelError("it predicted none of the names")
