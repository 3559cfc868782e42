"""What every door needs, wired: data sets, models, the switches, the training state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.adapters.store.models import DirectoryModels
from vfr.adapters.store.publishing import single_writer
from vfr.adapters.store.training_state import TrainingState, TrainingStatus
from vfr.bootstrap.accounts import AccountDesk
from vfr.bootstrap.cache import CacheDesk
from vfr.bootstrap.chaos import chaos_of, failing_forecaster, failing_models, told
from vfr.bootstrap.database import upgrade_database
from vfr.bootstrap.engine import Beside, beside
from vfr.bootstrap.experiments import ExperimentDesk
from vfr.bootstrap.forecasting import Forecasting
from vfr.bootstrap.journal import JournalDesk, SettlingDatasets
from vfr.bootstrap.learning import Learning
from vfr.bootstrap.live import Live
from vfr.bootstrap.offices import Offices
from vfr.bootstrap.progress import progress_channel
from vfr.bootstrap.refreshing import Refreshing
from vfr.bootstrap.registry import in_office
from vfr.bootstrap.toggles import ToggleDesk
from vfr.bootstrap.tracking import Tracking
from vfr.errors import SettingsError
from vfr.scoring.table import ScoreTable
from vfr.typing import Horizon
from vfr.workflows.analyze import analyze, ready
from vfr.workflows.availability import Running, disabled
from vfr.workflows.held import Boards, HeldDatasets
from vfr.workflows.prepared import PreparedBoards
from vfr.workflows.repeated import GivenAnswers, Repeated

if TYPE_CHECKING:
    from vfr.adapters.store.chaos_file import ChaosFile
    from vfr.data.provider import Progress
    from vfr.settings import Settings
    from vfr.workflows.analyze import Progress as AnalyzeProgress
    from vfr.workflows.answer import Answer
    from vfr.workflows.browse import HistoryQuery
    from vfr.workflows.forecaster import Forecaster
    from vfr.workflows.import_data import ImportResult
    from vfr.workflows.lookahead import LookaheadReport
    from vfr.workflows.progress_channel import ProgressChannel
    from vfr.workflows.query import AnalyzeQuery

__all__ = ["Application", "build"]

STARTER_HORIZONS: Final[tuple[Horizon, ...]] = ("7d", "1d", "30d")
"""The default horizon of a request first."""


@dataclass(frozen=True, slots=True, eq=False)
class Application:
    """Everything a door needs, wired.

    Parameters
    ----------
    settings : Settings
    datasets : HeldDatasets
        The installed data sets; the current one is held in memory.
    models : DirectoryModels
        The model versions.
    table : ScoreTable
        Weights, tilts and tiers of the classic score.
    boards : Boards
        Prepared boards by day.
    forecaster : Forecaster
        Asked only by requests that want machine learning.
    refreshing : Refreshing
        What keeps the scoreboard current that the forecaster answers from.
    cache : CacheDesk
        Keeps forecasts and boards of past days.
    toggles : ToggleDesk
        The switches of machine learning: of all of it, of members, of versions.
    training : TrainingState
        What the training leader is doing.
    progress : ProgressFiles
        Events of running requests, by session id.
    live : Live
        What brings data in.
    journal : JournalDesk
        What was forecast and shown, and what came of it.
    tracking : Tracking
        What the members of the ensemble did, and where they stand.
    experiments : ExperimentDesk
        What callers are dealt, and what came of it.
    accounts : AccountDesk
        Who calls, and what commands and admins change of that.
    chaos : ChaosFile or None
        What is broken on purpose; None where the settings allow no rehearsal.
    beside : Beside or None
        What a server process leaves to processes beside it; None where everything is done here.
    """

    settings: Settings
    datasets: HeldDatasets
    models: DirectoryModels
    table: ScoreTable
    boards: Boards
    forecaster: Forecaster
    refreshing: Refreshing
    cache: CacheDesk
    toggles: ToggleDesk
    training: TrainingState
    progress: ProgressChannel
    live: Live
    journal: JournalDesk
    tracking: Tracking
    experiments: ExperimentDesk
    accounts: AccountDesk
    chaos: ChaosFile | None = None
    prepared: PreparedBoards = field(default_factory=PreparedBoards)
    given: GivenAnswers = field(default_factory=GivenAnswers)
    beside: Beside | None = None

    def prepare(self, progress: Progress | None = None) -> ImportResult | None:
        """Install the bundled data on an empty data home; one process does it, the others wait for it.

        Returns
        -------
        ImportResult or None
            None if a data set was installed already.

        Raises
        ------
        SettingsError
            If the data home cannot be written.
        """
        home = self.settings.data_home
        try:
            if self.datasets.current() is not None:
                return None
            home.mkdir(parents=True, exist_ok=True)
            with single_writer(home):
                if self.datasets.current() is not None:
                    return None
                from vfr.adapters.providers.bundled import BundledProvider
                from vfr.workflows.import_data import import_data

                return import_data(BundledProvider(), self.datasets, progress=progress)
        except OSError as error:
            raise SettingsError(f"VFR_DATA_HOME: cannot be written ({error.strerror}); choose another folder") from None

    def upgrade_database(self) -> None:
        """Make the tables of this version before many processes want them; see `vfr.bootstrap.database`.

        Raises
        ------
        DataError
            If the database cannot be used.
        """
        upgrade_database(self.settings)

    def analyze(
        self, query: AnalyzeQuery, request_id: str = "local", progress: AnalyzeProgress | None = None
    ) -> Answer:
        """Answer a request; the data must be prepared.

        Raises
        ------
        NoData, UnknownSector, DatasetCorrupt
            See `vfr.workflows.analyze.analyze`.
        """
        answer = analyze(
            query,
            board_at=self.boards.at,
            forecast=self._asked(query) if query.include_ml else None,
            table=self.table,
            request_id=request_id,
            progress=progress,
            prepare=self.prepared.of,
        )
        self.journal.shown(query, answer, request_id)
        return answer

    def _asked(self, query: AnalyzeQuery) -> Forecaster:
        """Return whom a request asks for its forecast: of a past day at once, where that takes processes of its own."""
        if self.beside is None or query.as_of is None or query.ml_refused is not None:
            return self.forecaster
        from vfr.workflows.asked_early import AskedEarly

        return AskedEarly(self.forecaster, query)

    def ready(self, query: AnalyzeQuery, request_id: str) -> Answer | Repeated | None:
        """Answer a request as `analyze` does if that takes no waiting and it reports no progress, else return None.

        Raises
        ------
        UnknownSector
            See `vfr.workflows.analyze.ready`.
        """
        board = None if query.session_id is not None else self.boards.ready(query.as_of)
        if board is None:
            return None
        answer = ready(
            query,
            board=board,
            forecast=self.forecaster,
            table=self.table,
            request_id=request_id,
            prepared=self.prepared,
            given=self.given,
        )
        if answer is not None:
            self.journal.shown(query, answer.first if isinstance(answer, Repeated) else answer, request_id)
        return answer

    def search(self, text: str, limit: int = 20) -> dict[str, Any]:
        """Find symbols by ticker or name; see `vfr.workflows.browse.search`."""
        from vfr.workflows.browse import search

        board = self.datasets.board()
        return search(board.scores.symbols, board.securities, text, limit)

    def by_sector(self, sector: str) -> dict[str, Any]:
        """List the symbols of a sector; see `vfr.workflows.browse.by_sector`."""
        from vfr.workflows.browse import by_sector

        board = self.datasets.board()
        return by_sector(board.scores.symbols, board.securities, sector)

    def sector_rankings(self) -> dict[str, Any]:
        """Rank the sectors of the last session; see `vfr.workflows.sectors.sector_rankings`."""
        from vfr.workflows.sectors import sector_rankings

        return sector_rankings(self.datasets.snapshot().panel, self.datasets.board(), self.table)

    def history(self, query: HistoryQuery) -> dict[str, Any]:
        """Return the bars of a symbol; see `vfr.workflows.browse.history`."""
        from vfr.workflows.browse import history

        return history(self.datasets.snapshot().panel, query)

    def import_folder(
        self, folder: Path, *, prices: Path | None = None, name: str | None = None, progress: Progress | None = None
    ) -> ImportResult:
        """Import a folder of price tables and their neighbours, and make it the current data set.

        Raises
        ------
        ImportRejected
            If the folder cannot be used; the installed data is untouched.
        """
        from vfr.adapters.providers.files import FilesProvider
        from vfr.workflows.import_data import import_data

        source = FilesProvider(folder, prices=prices, name=name)
        self.live.refuse_synced(source.name)
        return import_data(source, self.datasets, progress=progress)

    @property
    def learning(self) -> Learning:
        """What trains, tunes and judges models."""
        return Learning(self.settings, self.datasets, self.models, self.training)

    def untrained(self) -> tuple[Horizon, ...]:
        """Return the horizons at which a member that can be fitted here has no version made from the current data.

        A version counts whether it was promoted or refused; walk-forward refits do not.
        """
        from vfr.workflows.train import fit_here

        members, _ = fit_here(None)
        version = self.datasets.board().data_version
        cards = [card for card in self.models.cards() if card.data_version == version and card.status != "historical"]
        made = {(card.horizon, card.member) for card in cards}
        return tuple(h for h in STARTER_HORIZONS if any((h, member) not in made for member in members))

    def lookahead(self, *, progress: Progress | None = None, seed: int = 0) -> LookaheadReport:
        """Test every factor and feature on the current data and on a seeded market that has every input."""
        import numpy as np

        from vfr.data import synthetic
        from vfr.workflows.lookahead import lookahead

        rng = np.random.default_rng(seed)
        return lookahead([self.datasets.snapshot(), synthetic.snapshot(rng)], rng=rng, progress=progress)

    @property
    def offices(self) -> Offices:
        """What puts champions in and out of office."""
        pool = None if self.beside is None else self.beside.offices
        return Offices(self.settings.data_home, self.toggles, pool)

    def rehearsal(self) -> dict[str, Any] | None:
        """Return what is broken on purpose and until when; None while nothing is."""
        return told(self.chaos)

    def ml_state(self) -> dict[str, Any]:
        """Return whether machine learning may answer, why not, which versions do, and what training is doing.

        ``toggles`` says why members and versions are switched off, ``warnings`` names champions that are damaged and
        what answers in their place.
        """
        switches, training = self.toggles.state(), self.training.read()
        off, switch = disabled(not self.settings.ml_enabled, switches), switches.everything
        champions, warnings = in_office(self.models, self.datasets.current())
        return {
            "enabled": off is None,
            "reason": off.message if off is not None else switches.reason,
            "changedBy": (switch and switch.who) or None,
            "changedAt": (switch and switch.at) or None,
            "toggles": dict(switches.off),
            "champions": champions,
            "warnings": warnings,
            "training": training.to_dict(),
        }

    def ml_health(self) -> dict[str, Any]:
        """Ask every horizon for a forecast and say how each part of machine learning and each member does.

        Beside an engine it is the engine that asks members, so how they do is what it says; ``engine`` says whether it
        answers, and whether it is asked at present.
        """
        from vfr.workflows.availability import health

        found = health(self.forecaster) | {"ml": self.ml_state()}
        if self.beside is None:
            return found | {"members": self.tracking.members()}
        engine = self.beside.state()
        return found | {"members": engine.pop("members", {}), "engine": engine}

    def close(self) -> None:
        """Write what waits to be written, follow nothing any longer, and let go of the processes beside this one."""
        self.refreshing.close()
        self.experiments.close()
        self.journal.close()
        self.toggles.close()
        self.accounts.callers.close()
        if self.beside is not None:
            self.beside.close()


def build(settings: Settings, *, served: bool = False) -> Application:
    """Wire an application; nothing is read or written yet.

    Parameters
    ----------
    settings : Settings
    served : bool
        This is one of the processes of a server: models and past days are left to the processes beside it.

    Examples
    --------
    >>> from vfr.settings import Settings
    >>> build(Settings(port=9000)).settings.port
    9000
    """
    home = settings.data_home
    datasets, chaos = SettlingDatasets(DirectoryDatasets(home)), chaos_of(settings)
    models = DirectoryModels(home) if chaos is None else failing_models(home, chaos)
    journal = JournalDesk(settings, datasets)
    datasets.settle = journal.settle_quietly
    tracking = Tracking(settings, datasets, journal)
    toggles, training = ToggleDesk(settings, models), TrainingState(home)

    others = beside(settings) if served else None

    cache = CacheDesk(settings, datasets, chaos)
    making = Forecasting(
        settings, datasets, models, journal, tracking, toggles, lambda: _running(training.read()), cache
    )
    forecaster, refreshing = making.wired(None if others is None else others.guard)
    asked = forecaster if chaos is None else failing_forecaster(forecaster, chaos)
    return Application(
        settings=settings,
        datasets=datasets,
        models=models,
        table=settings.table,
        boards=Boards(datasets, None if others is None else cache.boards(others.past_board)),
        forecaster=asked,
        refreshing=refreshing,
        cache=cache,
        toggles=toggles,
        training=training,
        progress=progress_channel(settings),
        live=Live(settings, datasets),
        journal=journal,
        tracking=tracking,
        experiments=ExperimentDesk(settings, datasets, journal, asked),
        accounts=AccountDesk(settings),
        chaos=chaos,
        beside=others,
    )


def _running(status: TrainingStatus) -> Running | None:
    return Running(status.stage, status.fraction) if status.phase == "running" else None
