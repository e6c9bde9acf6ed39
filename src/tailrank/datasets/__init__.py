"""Labelled data to rank: MovieLens, Criteo, and synthetic with a known truth. No torch."""
