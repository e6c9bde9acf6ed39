"""One colour per meaning on this page: stages, what a sub-array does, whose numbers they are."""

__all__ = ["ARTIFACT", "CORRECTED", "KINDS", "KIND_TITLES", "QUERIES", "RELEASED", "STAGES", "UNUSED"]

STAGES = ("#1f6fb4", "#d1661a", "#2a8c78", "#7d4aa5")
UNUSED = "#e6e9ed"
ARTIFACT, RELEASED, CORRECTED = "#7b828c", "#1f6fb4", "#d1661a"
KINDS = {
    "link in": "#5d6570",
    "link out": "#5d6570",
    "look-ahead": "#b9a3d6",
    "gather": "#8f6bbd",
    "load": "#c9a227",
    "compute": "#1f6fb4",
    "interaction": "#7fb1d9",
    "filter": "#a3123a",
}
KIND_TITLES = {
    "link in": "link to the host",
    "look-ahead": "rows to the look-ahead cache",
    "gather": "gathering rows",
    "load": "loading weights",
    "compute": "MLP on the array",
    "interaction": "interaction",
    "filter": "top-k",
}
QUERIES = ("#22262b", "#a3123a", "#1d7a53", "#c9a227")
