"""Which stored version answers a request."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vfr.models.prediction import ModelCard, mature
from vfr.typing import Horizon

__all__ = ["serving"]


def serving(
    cards: Iterable[ModelCard],
    *,
    member: str,
    horizon: Horizon,
    data_name: str,
    as_of: np.datetime64,
    latest: bool,
) -> ModelCard | None:
    """Return the version that may answer, or None.

    Parameters
    ----------
    cards : iterable of ModelCard
        Every version of the store.
    data_name : str
        Only versions trained on the data set of that name: another universe has other ranks and another base rate.
    as_of : datetime64[D]
        Session the answer is for.
    latest : bool
        Whether that is the newest session of the data. Only the champion answers about the present. About the past,
        the champion and the walk-forward refits may, if everything they learned from had happened by then; the one
        that had learned longest is taken.
    """
    allowed = ("champion",) if latest else ("champion", "historical")
    fitting = [
        card
        for card in cards
        if card.member == member
        and card.horizon == horizon
        and card.data_name == data_name
        and card.status in allowed
        and mature(card, as_of)
    ]
    return max(fitting, key=lambda card: (card.labels_end, card.created_at), default=None)
