"""The styles of the pages: enough contrast in both themes, nothing from outside."""

import re
from pathlib import Path

import pytest

import crmkit.report

FOLDER = Path(crmkit.report.__file__).parent / "template"
COMPONENTS = (FOLDER / "components.css").read_text("utf-8")
STYLE = (FOLDER / "style.css").read_text("utf-8")


def colours(css, selector):
    """Return the colours that the first block of a selector declares."""
    block = css[css.index(selector) :].split("{", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6}|#[0-9a-f]{3})", block))


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_guidelines_do():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_ground(theme):
    """4.5 to 1 is what WCAG 2.2 asks for text (level AA)."""
    if theme == "light":
        declared = colours(COMPONENTS, ":root, body") | colours(STYLE, ":root { --paper")
    else:
        declared = colours(COMPONENTS, "  :root {") | colours(
            STYLE[STYLE.index("prefers-color-scheme: dark") :], ":root {"
        )
    grounds = [declared[name] for name in ("paper", "crm-panel", "crm-soft")]
    texts = [declared[f"crm-{name}"] for name in ("ink", "quiet", "accent", "good", "bad", "near")]
    assert min(contrast(text, ground) for text in texts for ground in grounds) >= 4.5
    assert contrast(declared["crm-ink"], declared["crm-bar"]) >= 4.5


def test_the_theme_of_jupyterlab_has_the_same_colours_as_the_system():
    assert colours(COMPONENTS, "  :root {") == colours(COMPONENTS, 'body[data-jp-theme-light="false"]')


def test_nothing_comes_from_outside():
    assert not re.search(r"url\(|@import|https?:", STYLE + COMPONENTS)
