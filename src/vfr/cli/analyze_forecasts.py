"""Forecasts as a command asks for them: whoever waits in vain is told what would make the next answer immediate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vfr.typing import MEMBER_NAMES
from vfr.workflows.forecaster import DEFAULT_METHOD, Forecast, MlUnavailable

if TYPE_CHECKING:
    import numpy as np

    from vfr.bootstrap import Application
    from vfr.typing import Horizon

__all__ = ["Advising"]


class Advising:
    """The forecaster of an application; implements `vfr.workflows.forecaster.Forecaster`.

    A server finishes late forecasts for the next request, but a command ends with its answer and would time out again
    and again. Where that is for want of a current scoreboard, the answer names the command that makes it.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Forecast | MlUnavailable:
        """Forecast from the close of a day's session within a deadline; see `Forecaster`."""
        found = self._application.forecaster.at(as_of, horizon, members, method, timeout_ms)
        if isinstance(found, MlUnavailable) and found.code == "TIMEOUT" and self._unrefreshed(as_of, horizon):
            return MlUnavailable(
                "TIMEOUT",
                f"no current scoreboard is published, and asking the models took longer than {timeout_ms} ms; "
                "run `vfr refresh`, and answers come from its scoreboard at once",
            )
        return found

    def ready(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, /
    ) -> Forecast | MlUnavailable | None:
        """Return what the forecaster has ready; see `Forecaster`."""
        return self._application.forecaster.ready(as_of, horizon, members, method)

    def _unrefreshed(self, as_of: np.datetime64 | None, horizon: Horizon) -> bool:
        """Return whether a scoreboard would have answered and there is none: it is of the latest session alone."""
        application = self._application
        if as_of is not None and as_of < application.datasets.board().as_of:
            return False
        return application.forecaster.ready(None, horizon, MEMBER_NAMES, DEFAULT_METHOD) is None
