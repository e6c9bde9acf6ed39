"""Training that is enough and no more: the tiers of a funnel on labelled data, checkpoints, and score tables."""

from tailrank.models.training.clicks import ClickSettings
from tailrank.models.training.fit import Trained, fit, restore
from tailrank.models.training.preferences import Settings
from tailrank.models.training.rows import network_inputs, resized
from tailrank.models.training.scoring import score_tables

__all__ = ["ClickSettings", "Settings", "Trained", "fit", "network_inputs", "resized", "restore", "score_tables"]
