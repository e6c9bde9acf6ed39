"""Labelled data to rank: MovieLens, Criteo, and synthetic with a known truth. No torch."""

from tailrank.datasets.loading import load, names
from tailrank.datasets.ranking_data import Examples, Queries, RankingData

__all__ = ["Examples", "Queries", "RankingData", "load", "names"]
