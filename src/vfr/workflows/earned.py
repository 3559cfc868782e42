"""What members have earned: weights from the record of training and of service, less what their health takes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.ensemble import scores as record
from vfr.ensemble.combine import Base
from vfr.ensemble.fitted import Fitted
from vfr.ensemble.scores import Scores
from vfr.ensemble.weights import ALL_BENCHED, with_health
from vfr.monitoring import signals as monitored
from vfr.monitoring.health import Health
from vfr.monitoring.signals import Signals
from vfr.typing import HORIZONS, BoolArray, DateArray, FloatArray, Horizon
from vfr.workflows.evenings import Evenings
from vfr.workflows.service import Service, since

if TYPE_CHECKING:
    from vfr.journal.journal import Journal
    from vfr.workflows.service import Served
    from vfr.workflows.train_ensemble import EnsembleStore

__all__ = ["Earned", "Standing", "standing"]

APPLIED = "learned_weights"

KEPT: Final = 16
"""Standings held in memory: of three horizons, and of some sessions of the past."""


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Where the members of one horizon stand after a session.

    Parameters
    ----------
    weights : mapping of str to float
        By member, health included; sum to 1.
    scores : Scores
        Every date that has matured by then, of training and of service.
    health : Health
        Of every evening of the record.
    evenings : datetime64[D] array, shape (E,)
        Sessions of `health`, all before the session forecast.
    sessions : datetime64[D] array, shape (R,)
        From the first date of the record to the session forecast.
    learned : float64 array, shape (R, M)
        Weights of the members of `scores` on `sessions`, before health.
    """

    weights: Mapping[str, float]
    scores: Scores
    health: Health
    evenings: DateArray
    sessions: DateArray
    learned: FloatArray

    @property
    def note(self) -> str:
        """What the weights rest on, and who is not well, in a sentence."""
        unwell = {member: health for member, health in self.health.latest().items() if health < 1.0}
        dates = self.scores.dates
        words = f"weights learned from {dates.size:,} sessions whose outcomes are known, to {dates[-1]}"
        if unwell and max(self.health.latest().values()) == 0.0:
            return f"{words}; {ALL_BENCHED}"
        for member, health in unwell.items():
            counts = "is benched" if health == 0.0 else f"counts {health:.2f} of its weight"
            words += f"; {member} {counts}: {self.health.reason(member)}"
        return words

    def held(self) -> FloatArray:
        """Return the weights that answered for each of `sessions`, shape (R, M): the last row is `weights`."""
        return _held(self.scores.members, self.sessions, self.learned, self.health, self.evenings)


class Earned:
    """Implements `vfr.workflows.combining.Combining` from what training fitted and what the journal holds.

    Parameters
    ----------
    ensembles : EnsembleStore
    sessions : callable
        Gives the sessions of the current data set.
    journal : callable
        Gives the journal, None where there is none yet; may raise `DataError`.

    Notes
    -----
    Where members stand is computed once for each state of what is stored, and so is the journal read: a year of
    service takes seconds. A day of the record of training asks nothing of it, and waits for nobody who does.
    """

    def __init__(
        self,
        ensembles: EnsembleStore,
        sessions: Callable[[], DateArray],
        journal: Callable[[], Journal | None],
    ) -> None:
        self._ensembles = ensembles
        self._sessions = sessions
        self._journal = journal
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, tuple[Fitted, Standing | None]] = OrderedDict()
        self._fitted: dict[Horizon, tuple[Hashable, Fitted | None]] = {}
        self._evenings = Evenings()
        self._service = {horizon: Service() for horizon in HORIZONS}

    def at(self, data_name: str, horizon: Horizon, members: Sequence[str], day: np.datetime64) -> Base:
        """Return weights of the members, and what was fitted, for a session; see `Combining.at`.

        A member without a record holds what the others hold on average. Members that are not asked keep their weights
        beside those that are: a few that answer alone are less sure than all together.
        """
        known = self.known(data_name, horizon, day)
        if known is None:
            return Base.equal(members, "equal weights: no record of these members has been made by a training run")
        fitted, found = known
        stage = fitted.at(day)
        if found is None:
            return Base.equal(members, f"equal weights: no outcome of these members was known by {day}")
        usual = float(np.mean(list(found.weights.values())))
        # In one order, whoever asks in which: sums over them are the same to the last bit.
        weights = {member: found.weights.get(member, usual) for member in sorted({*members, *found.weights})}
        if not any(weights[member] for member in members):
            return Base.equal(members, f"equal weights: every member asked for is benched ({found.note})")
        stacker, confidence = (None, None) if stage is None else (stage.stacker, stage.confidence)
        return Base(weights, found.note, APPLIED, stacker, confidence)

    def known(self, data_name: str, horizon: Horizon, day: np.datetime64) -> tuple[Fitted, Standing | None] | None:
        """Return what training fitted and where members stand for a session; None where nothing was fitted.

        Raises
        ------
        ArtifactCorrupt, DataError
            If the ensemble or the journal cannot be read.
        """
        sessions, stamp = self._sessions(), self._ensembles.stamp()
        with self._lock:
            fitted = self._read(stamp, data_name, horizon)
        if fitted is None:
            return None
        journal = self._journal() if day >= since(fitted) else None
        # Outcomes are settled once for each version of the data, and only those of earlier sessions count.
        settled = None if journal is None else journal.checked(data_name)
        key = (stamp, data_name, horizon, str(day), sessions.size, settled)
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        # A forecast that is recorded later is one of the session after.
        state = (sessions.size, settled)
        served = None if journal is None else self._service[horizon].before(day, journal, fitted, state)
        with self._lock:
            made = self._kept[key] = (fitted, _standing(fitted, served, sessions, day, self._evenings))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return made

    def _read(self, stamp: str, data_name: str, horizon: Horizon) -> Fitted | None:
        """Read what training fitted, once for each state of the files."""
        held = self._fitted.get(horizon)
        if held is None or held[0] != (stamp, data_name):
            held = self._fitted[horizon] = ((stamp, data_name), self._ensembles.load(data_name, horizon))
        return held[1]

    def stamp(self) -> str:
        """Return a key that changes whenever an ensemble does; a new session, which has new outcomes, is new data."""
        return self._ensembles.stamp()


def standing(
    fitted: Fitted,
    journal: Journal | None,
    sessions: DateArray,
    day: np.datetime64,
    evenings: Evenings | None = None,
) -> Standing | None:
    """Return where members stand when a session is forecast; None where no outcome was known by then.

    Parameters
    ----------
    fitted : Fitted
    journal : Journal or None
        Forecasts that were served, from the first session after the record of training on.
    sessions : datetime64[D] array, shape (T,)
        Sessions of the market, increasing, the first date of the record among them.
    day : datetime64[D]
        No outcome and no signal of a later session counts; its own signals are not there yet.
    evenings : Evenings, optional
        What was computed for other days.
    """
    served = None if journal is None else Service().before(day, journal, fitted, None)
    return _standing(fitted, served, sessions, day, evenings or Evenings())


def _standing(
    fitted: Fitted, served: Served | None, sessions: DateArray, day: np.datetime64, kept: Evenings
) -> Standing | None:
    """Return where members stand, from what was served before a day; see `standing`."""
    about = (fitted.data_name, fitted.horizon)
    whole = fitted.scores if served is None else record.joined(fitted.scores, served.scores)
    scores = _known(whole, sessions[sessions <= day], HORIZONS[fitted.horizon] + 1)
    if not scores.dates.size:
        return None
    # The record of training may go on after the day: what was learned by then is the beginning of what is learned of
    # all of it, so that whoever asks for another day finds it computed.
    onwards, (signals, refits) = sessions[sessions >= scores.dates[0]], _evenings(kept.of(fitted, _trained), served)
    span, before = onwards[onwards <= day], signals.sessions[signals.sessions < day]
    learned = kept.weights(about, whole, onwards, fitted.horizon, span.size)
    health = kept.health(about, signals, refits, before.size)
    held = _held(scores.members, span[-1:], learned[-1:], health, before)[0]
    weights = dict(zip(scores.members, held.tolist(), strict=True))
    return Standing(weights, scores, health, before, span, learned)


def _known(scores: Scores, sessions: DateArray, span: int) -> Scores:
    """Return the dates whose outcome had come by the close of the last session."""
    come = np.searchsorted(sessions, scores.dates) + span < sessions.size
    return scores.first(int(come.sum()))


def _held(
    members: Sequence[str], sessions: DateArray, learned: FloatArray, health: Health, evenings: DateArray
) -> FloatArray:
    """Return learned weights less what the health of the evening before each session takes, (R, M)."""
    well = np.ones((evenings.size + 1, len(members)))
    for m, member in enumerate(members):
        if member in health.members:
            well[1:, m] = health.health[:, health.members.index(member)]
    return with_health(learned, well[np.searchsorted(evenings, sessions, side="left")])


def _trained(fitted: Fitted) -> tuple[Signals, BoolArray]:
    """Return the signals of training, and where versions were new, (R, M)."""
    scores = fitted.scores
    found = monitored.from_peers(scores.members, scores.dates, fitted.peers, scores.cells)
    new = np.isin(found.sessions, [stage.effective for stage in fitted.stages])
    return found, np.repeat(new[:, None], len(scores.members), axis=1)


def _evenings(trained: tuple[Signals, BoolArray], served: Served | None) -> tuple[Signals, BoolArray]:
    """Return the signals of training and of service, and where versions were new."""
    if served is None:
        return trained
    signals, new = monitored.joined(trained[0], served.signals), trained[1][:, 0]
    refits = np.zeros(signals.peers.shape, dtype=bool)
    refits[: new.size] = new[:, None]
    places = [signals.members.index(member) for member in served.signals.members]
    refits[new.size :, places] = served.refits
    return signals, refits
