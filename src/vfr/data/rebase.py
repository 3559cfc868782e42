"""Prices of a cut-back data set as they stood on its last day: on the split basis of that day, not of today."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vfr.data.panel import PRICE_FIELDS
from vfr.data.records import Actions
from vfr.data.snapshot import Snapshot

__all__ = ["on_its_own_basis"]


def on_its_own_basis(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot whose prices and volumes know no split after its last session.

    Parameters
    ----------
    snapshot : Snapshot
        Perhaps cut back by `upto`, which keeps later splits in its prices.

    Returns
    -------
    Snapshot
        The last close is the one that was quoted on that day. One without known splits, or adjusted for dividends
        too, is returned as it is: what a quote was cannot be told from it.
    """
    actions = snapshot.actions
    if actions is None or snapshot.panel.adjustment == "dividend":
        return snapshot
    later = actions.date > snapshot.as_of
    if not later.any():
        return snapshot
    factor = np.ones(len(snapshot.symbols))
    np.multiply.at(factor, actions.column[later], actions.ratio[later])
    panel = snapshot.panel
    prices = {name: getattr(panel, name) * factor for name in PRICE_FIELDS}
    kept = Actions(actions.column[~later], actions.date[~later], actions.ratio[~later])
    return replace(
        snapshot, panel=replace(panel, volume=panel.volume / factor, **prices), actions=kept if kept.date.size else None
    )
