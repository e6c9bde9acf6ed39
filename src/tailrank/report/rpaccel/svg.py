"""Drawing as text: a few SVG elements, with attributes escaped and numbers short."""

from markupsafe import Markup, escape

__all__ = ["drawing", "line", "rect", "text"]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def _attributes(given: dict[str, object]) -> str:
    return "".join(f' {name.replace("_", "-")}="{_short(value)}"' for name, value in given.items())


def _short(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(escape(value))


def rect(x: float, y: float, width: float, height: float, *, title: str = "", **style: object) -> str:
    """Return a rectangle; `title` shows when pointed at."""
    place = _attributes({"x": float(x), "y": float(y), "width": float(width), "height": float(height), **style})
    return f"<rect{place}><title>{escape(title)}</title></rect>" if title else f"<rect{place}/>"


def line(x1: float, y1: float, x2: float, y2: float, **style: object) -> str:
    """Return a line."""
    return f"<line{_attributes({'x1': float(x1), 'y1': float(y1), 'x2': float(x2), 'y2': float(y2), **style})}/>"


def text(x: float, y: float, words: str, **style: object) -> str:
    """Return words whose base line begins at (x, y), unless `text_anchor` says otherwise."""
    return f"<text{_attributes({'x': float(x), 'y': float(y), **style})}>{escape(words)}</text>"


def drawing(width: float, height: float, elements: list[str], *, label: str, stripes: str = "") -> Markup:
    """Return the whole drawing, as wide as its place allows; `label` is for those who cannot see it.

    `stripes` is the colour of the pattern called `stripes-` and that colour without its #, for `fill`.
    """
    pattern = ""
    if stripes:
        name = f"stripes-{stripes.removeprefix('#')}"
        pattern = (
            f'<defs><pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" stroke="{stripes}" stroke-width="4"/>'
            "</pattern></defs>"
        )
    return Markup(
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="100%" style="max-width: {width:.0f}px" role="img" '
        f'aria-label="{escape(label)}" font-family="{escape(FONT)}" font-size="11">{pattern}{"".join(elements)}</svg>'
    )
