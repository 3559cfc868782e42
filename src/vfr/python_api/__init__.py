"""The Python API: what the command line does, as functions with typed results.

Every function takes `home`, the data home to use instead of the one the settings name. Results have ``.to_dict()``.
Nothing heavy is imported before a function is called.
"""

from __future__ import annotations

from vfr.python_api.data import import_data, load_snapshot, sync
from vfr.python_api.learning import evidence, lookahead, train
from vfr.python_api.scores import analyze, monitor_performance

__all__ = ["analyze", "evidence", "import_data", "load_snapshot", "lookahead", "monitor_performance", "sync", "train"]
