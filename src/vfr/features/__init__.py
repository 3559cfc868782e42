"""Snapshot -> FeatureMatrix, and labels; a specification with a version hash.

Importing this package costs numpy only; the kernels are loaded by the first `compute`.
"""

from vfr.features.build import compute
from vfr.features.matrix import FeatureMatrix, Labels
from vfr.features.registry import spec_hash

__all__ = ["FeatureMatrix", "Labels", "compute", "spec_hash"]
