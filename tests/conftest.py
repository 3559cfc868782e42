"""Fixtures every room shares: the seeded snapshot that has every input, and the real data where it is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests import examples, homes
from tests.empty_database import Recorded

from vfr.adapters.database import migrate
from vfr.bootstrap import Application

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot

ROOT = Path(__file__).resolve().parent.parent

examples.register()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real market data that is not part of the project; its vendors forbid publishing it."""
    folder = Path(os.environ.get("VFR_SHARED_DATA", ROOT.parent / "shared" / "data")).resolve()
    if not (folder / "prices.parquet").is_file():
        pytest.skip("needs real market data: set VFR_SHARED_DATA to a folder with prices.parquet")
    return folder


@pytest.fixture(scope="session")
def seeded_snapshot() -> Snapshot:
    """A small synthetic snapshot with every kind of input, the same on every run."""
    from vfr.data import synthetic

    return synthetic.snapshot(np.random.default_rng(7), n_sessions=700, n_symbols=60)


@pytest.fixture(scope="session")
def few_names() -> Snapshot:
    """Half the names of the seeded snapshot, for tests that fit models again and again."""
    from vfr.data import synthetic

    return synthetic.snapshot(np.random.default_rng(7), n_sessions=700, n_symbols=30)


@pytest.fixture(scope="session", autouse=True)
def tables_are_worked_out_once() -> Iterator[Recorded]:
    """Spare every empty database but the first the migration tool, which takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        recorded = Recorded(migrate._upgrade)
        patch.setattr(migrate, "_upgrade", recorded)
        yield recorded


@pytest.fixture(scope="session", autouse=True)
def kernels_are_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spare the second test process of a fresh clone what the first compiles, the dearest thing both do."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    # Not for one test alone, which may need no compiler: importing it takes half a second.
    from tests.compiling import one_at_a_time

    with one_at_a_time(homes.shared(tmp_path_factory)):
        yield


@pytest.fixture(scope="session")
def built() -> Iterator[list[Application]]:
    """Every application that was built and not yet let go of, in order."""
    made: list[Application] = []
    init = Application.__init__

    def recorded(self: Application, *given: Any, **named: Any) -> None:
        init(self, *given, **named)
        made.append(self)

    Application.__init__ = recorded  # type: ignore[method-assign]
    yield made
    Application.__init__ = init  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def nothing_is_followed_for_good(built: list[Application]) -> Iterator[None]:
    """End what looks at a database four times a second for an application that one test built: hundreds add up."""
    before = len(built)
    yield
    for application in built[before:]:
        application.accounts.callers.close()
        application.toggles.close()
        application.experiments.close()
    del built[before:]
