import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import FillBetweenPolyCollection, QuadMesh
from matplotlib.text import Text

from crmkit import plots
from crmkit.errors import UsageError
from crmkit.plots import fonts, style, words
from crmkit.plots import text as text_

HOSTILE = [
    "$\\bad$ and $5",
    "_internal",
    "100 % {sure} {0}",
    "x" * 300,
    "Łódź Żółć",
    "株式会社 東京",
    "北京有限公司",
    "شركة القاهرة",
    "<script>alert(1)</script>",
    "a\nb\x00c",
    "",
    None,
]
AS_OF = pd.Timestamp("2026-09-30")


@pytest.fixture(autouse=True)
def _strict():
    """No warning of any kind is let pass, no glyph of any script is missing, and no figure stays open."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")


def measured(values, *, by=None, low=0.03, n=200, metric="win_rate", freq="QS", **more):
    values = np.asarray(values, dtype=float)
    frame = pd.DataFrame(
        {
            "metric": metric,
            "period": pd.date_range("2024-10-01", periods=len(values), freq=freq) if by is None else AS_OF,
            "value": values,
            "low": values - low,
            "high": values + low,
            "n": n,
            "numerator": values * n,
            "denominator": n,
            "note": "",
        }
    )
    if by is not None:
        frame.insert(2, "segment", by)
        frame = frame.drop(columns="period")
    return frame.assign(**more)


def parts_of(groups, over="period"):
    rows = [
        {"metric": part, over: group, "value": float(10 * i + 5)}
        for i, group in enumerate(groups)
        for part in ("detractors", "passives", "promoters")
    ]
    return pd.DataFrame(rows)


def triangle_of(cohorts):
    rows = [
        {"cohort": c, "age": a, "value": 0.9**a, "n": 50 + i}
        for i, c in enumerate(cohorts)
        for a in range(len(cohorts) - i)
    ]
    return pd.DataFrame(rows, columns=["cohort", "age", "value", "n"])


def curve(kind="all", scale=400.0):
    days = np.arange(0, 700, 50)
    s = np.exp(-days / scale)
    columns = {"low": s * 0.95, "high": np.minimum(1, s * 1.05), "at_risk": (500 * s).astype(int), "kind": kind}
    return pd.DataFrame({"days": days, "survival": s} | columns)


def groups_of(names):
    size = np.linspace(0.2, 0.7, len(names)) if len(names) else []
    return measured(size, by=list(names))


def changes_of(names):
    return pd.DataFrame({"lever": list(names), "effect": np.linspace(-3, 5, len(names))})


def effects_of(names):
    mix, rate = np.linspace(-0.01, 0.02, len(names)), np.linspace(0.01, -0.03, len(names))
    return pd.DataFrame({"segment": list(names), "mix": mix, "rate": rate})


def bridge_of(names):
    names = ["start", *names, "end"]
    value = np.array([100.0, *[5.0] * (len(names) - 2), 100 + 5.0 * (len(names) - 2)])
    return pd.DataFrame({"step": names, "value": value})


def funnel_of(names):
    return pd.DataFrame({"stage": list(names), "entered": np.arange(len(names), 0, -1) * 100.0, "days": 3.5})


def lines_of(names):
    frames = [measured([0.5, 0.6, 0.55]).assign(segment=name) for name in names]
    return pd.concat(frames, ignore_index=True) if frames else measured([]).assign(segment=[])


def curves_of(names):
    return pd.concat([curve(name) for name in names], ignore_index=True) if len(names) else curve().iloc[:0]


DAYS = pd.DataFrame({"value": [1.0, 2, 3, 5, 8, 13, 21, 400, np.nan]})
#: For each figure: how to draw it, and a frame for a list of names.
FIGURES = {
    "trend": (plots.trend, lines_of),
    "bars": (plots.bars, groups_of),
    "composition": (plots.composition, lambda names: parts_of(names, "segment")),
    "parts": (lambda f, **k: plots.composition(f, parts="part", over="segment", **k),
              lambda names: pd.DataFrame({"part": list(names), "segment": "all", "value": 1.0})),
    "bridge": (plots.bridge, bridge_of),
    "triangle": (plots.triangle, triangle_of),
    "survival": (plots.survival, curves_of),
    "funnel": (plots.funnel, funnel_of),
    "levers": (plots.levers, changes_of),
    "effects": (plots.effects, effects_of),
}  # fmt: skip
UNKNOWN = {
    "trend": measured([np.nan, np.nan]),
    "bars": measured([np.nan, np.nan], by=["a", "b"]),
    "composition": parts_of(["a"], "segment").assign(value=np.nan),
    "parts": pd.DataFrame({"part": ["a"], "segment": "all", "value": np.nan}),
    "bridge": bridge_of(["new"]).assign(value=np.nan),
    "triangle": triangle_of(["a", "b"]).assign(value=np.nan),
    "survival": curve().assign(survival=np.nan),
    "funnel": funnel_of(["a", "b"]).assign(entered=np.nan),
    "levers": changes_of(["a"]).assign(effect=np.nan),
    "effects": effects_of(["a"]).assign(mix=np.nan),
}


def shown(ax):
    return [t.get_text() for t in ax.figure.findobj(Text) if t.get_visible() and t.get_text()]


def check(ax):
    """What holds for every figure: it renders, it has words, it has a table, and it is the same twice."""
    data = plots.png(ax)
    assert data.startswith(b"\x89PNG")
    assert data == plots.png(ax)
    assert ax.crm_alt.strip().endswith(".")
    assert "nan" not in ax.crm_alt
    assert "<table" in ax.crm_twin().html
    assert "<script" not in ax.crm_twin().html
    assert isinstance(ax.crm_data, pd.DataFrame)
    return ax


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_ordinary_names(name):
    draw, make = FIGURES[name]
    check(draw(make(["Enterprise", "Mid-market", "Small"]), source="Source: a test"))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_hostile_text_as_it_is(name):
    draw, make = FIGURES[name]
    names = [h for h in HOSTILE if h] if name in ("triangle", "survival", "trend") else HOSTILE
    ax = check(draw(make(names), title="$\\frac$ _title_ {0} 100% 東京 " + "long " * 80, source="_source $x$ 北京"))
    assert not any(t.get_parse_math() for t in ax.figure.findobj(Text) if "$" in t.get_text())


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_a_single_group(name):
    draw, make = FIGURES[name]
    check(draw(make(["only"])))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_many_groups(name):
    draw, make = FIGURES[name]
    many = {"trend": 300, "bars": 3000, "composition": 300, "parts": 40, "bridge": 12, "triangle": 40}.get(name, 20)
    check(draw(make([f"group {i:04d}" for i in range(many)])))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_when_there_is_no_data(name):
    draw, make = FIGURES[name]
    empty = make(["a", "b"]).iloc[:0]
    for frame in (empty, UNKNOWN[name]):
        ax = check(draw(frame))
        assert any("no data" in text for text in shown(ax))
        assert ax.crm_alt.startswith("No data")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_into_axes_that_the_caller_brings(name):
    draw, make = FIGURES[name]
    figure, axes = plt.subplots(1, 2)
    ax = draw(make(["a", "b"]), ax=axes[0], title="A title")
    assert ax is axes[0]
    assert ax.get_title(loc="left") == "A title"
    assert not figure.texts
    check(ax)


@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_changes_the_settings_of_its_reader(name):
    draw, make = FIGURES[name]
    before = dict(mpl.rcParams)
    draw(make(["a", "b"]))
    assert dict(mpl.rcParams) == before


def test_missing_columns_are_named():
    with pytest.raises(UsageError, match="no column 'value', which this figure needs; its columns are period"):
        plots.trend(pd.DataFrame({"period": []}))
    with pytest.raises(UsageError, match="no column 'mix' or 'mix_effect'"):
        plots.effects(pd.DataFrame({"segment": ["a"]}))
    with pytest.raises(UsageError, match="no option called 'colour'"):
        plots.trend(measured([0.5]), colour="red")


def test_several_rows_for_one_point_are_refused():
    twice = pd.concat([measured([0.5, 0.6])] * 2)
    with pytest.raises(UsageError, match=r"4 rows share a line: period 2024-10-01 has more than one"):
        plots.trend(twice)
    with pytest.raises(UsageError, match="segment 'a' has several rows"):
        plots.bars(measured([0.5, 0.6], by=["a", "a"]))


def test_a_trend_draws_the_values_the_band_and_the_gaps():
    frame = measured([0.50, 0.55, np.nan, 0.60, 0.63]).drop(index=1)  # a null in Q2 and no row at all for Q1
    ax = check(plots.trend(frame, unit="share", as_of=AS_OF, target=0.62))
    line = ax.lines[0]
    np.testing.assert_array_equal(np.isnan(line.get_ydata()), [False, True, True, False, False])
    assert line.get_ydata()[[0, 3, 4]] == pytest.approx([0.50, 0.60, 0.63])
    band = next(c for c in ax.collections if isinstance(c, FillBetweenPolyCollection))
    reach = np.concatenate([p.vertices[:, 1] for p in band.get_paths()])
    assert (reach.min(), reach.max()) == pytest.approx((0.47, 0.66))
    assert ax.lines[1].get_ydata()[0] == 0.62
    texts = shown(ax)
    assert "Win rate rose from 50.0% in 2024-Q4 to 63.0% in 2025-Q4" in texts
    assert "Win rate, % · by quarter · 95% interval · n = 800 · data to 2026-09-30" in texts
    assert "target 62.0%" in texts
    assert "63.0%" in texts


def test_a_trend_says_its_numbers_to_those_who_cannot_see_it():
    ax = plots.trend(measured([0.31, 0.35, 0.22, 0.24]), unit="share")
    assert ax.crm_alt == (
        "Win rate fell from 31.0% in 2024-Q4 to 24.0% in 2025-Q3 (95% interval 21.0–27.0%); "
        "lowest 22.0% in 2025-Q2, highest 35.0% in 2025-Q1."
    )


def test_lines_of_many_groups_are_named_or_counted():
    ax = plots.trend(lines_of([f"g{i}" for i in range(9)]), unit="share", top=3)
    assert [t.get_text() for t in ax.texts] == ["g0 55.0%", "g1 55.0%", "g2 55.0%", "6 others"]
    assert "6 more groups are drawn without a label" in ax.crm_alt


def test_amounts_start_at_zero_and_rates_need_not():
    assert plots.trend(measured([100, 120]), unit="money").get_ylim()[0] == 0
    assert plots.trend(measured([0.50, 0.52]), unit="share").get_ylim()[0] > 0.3


@pytest.mark.parametrize(
    ("freq", "labels"), [("MS", ["Oct\n2024", "Nov", "Dec", "Jan\n2025"]), ("QS", ["Q4\n2024", "Q1\n2025", "Q2", "Q3"])]
)
def test_the_period_axis_names_the_year_where_it_begins(freq, labels):
    ax = plots.trend(measured([0.5] * 4, freq=freq), unit="share")
    assert [t.get_text() for t in ax.get_xticklabels()] == labels


def test_bars_are_sorted_labelled_and_carry_their_interval():
    frame = measured([0.4, 0.7, 0.55], by=["a", "b", "c"])
    ax = check(plots.bars(frame, unit="share", overall=0.55))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["b", "c", "a"]
    assert [b.get_width() for b in ax.patches] == pytest.approx([0.7, 0.55, 0.4])
    whiskers = ax.collections[0].get_segments()
    assert [(s[0][0], s[1][0]) for s in whiskers] == [
        pytest.approx(x) for x in [(0.67, 0.73), (0.52, 0.58), (0.37, 0.43)]
    ]
    texts = shown(ax)
    assert {"70.0%", "55.0%", "40.0%", "all 55.0%", "200"} <= set(texts)
    assert "Win rate: b highest with 70.0%, a lowest with 40.0%" in texts
    assert ax.crm_alt == "Win rate by segment: b 70.0%, c 55.0%, a 40.0%."


def test_the_rest_is_added_up_where_that_is_right_and_counted_where_not():
    won, closed = np.arange(20, 0, -1), np.full(20, 40)
    frame = measured(won / closed, by=[f"g{i:02d}" for i in range(20)], numerator=won, denominator=closed, n=closed)
    ax = plots.bars(frame, unit="share", top=12)
    assert ax.get_yticklabels()[-1].get_text() == "8 others"
    assert ax.patches[-1].get_width() == pytest.approx(won[12:].sum() / closed[12:].sum())
    medians = frame.drop(columns=["numerator", "denominator"])
    ax = plots.bars(medians, unit="days", top=12)
    assert len(ax.patches) == 12
    assert "8 more not drawn" in shown(ax)
    sizes = plots.bars(medians.assign(value=won.astype(float)), unit="count", top=12)
    assert sizes.patches[-1].get_width() == won[12:].sum()


def test_small_groups_are_flagged_and_are_no_finding():
    frame = measured([0.4, 0.7, 1.0], by=["a", "b", "tiny"], n=[400, 300, 2])
    ax = plots.bars(frame, unit="share")
    assert any("pale: fewer than 5 observations" in t for t in shown(ax))
    assert "Win rate: b highest with 70.0%, a lowest with 40.0%" in shown(ax)


def test_no_finding_is_made_of_noise():
    noisy = measured([0.50, 0.52], by=["a", "b"], low=0.1)
    assert plots.finding(noisy, unit="share") == "Win rate: no difference between the groups beyond noise"
    assert plots.finding(measured([0.50, 0.52], low=0.1), unit="share") == (
        "Win rate: 52.0% in 2025-Q1, no change beyond noise since 2024-Q4"
    )
    # ten groups: 45 pairs, so the bound is 3.26 standard errors and not 1.96
    ten = measured([0.5] * 9 + [0.56], by=list("abcdefghij"), low=1.96 * 0.02)
    assert (0.06 / np.hypot(0.02, 0.02)) == pytest.approx(2.12, abs=0.01)
    assert "beyond noise" in plots.finding(ten, unit="share")
    assert "highest" in plots.finding(ten.iloc[-2:], unit="share")


def test_many_small_differences_together_can_be_more_than_noise():
    value = np.array([0.40, 0.44, 0.48, 0.52, 0.56, 0.60])
    frame = measured(value, by=list("abcdef"), low=1.96 * 0.0495)
    chi = ((value - value.mean()) ** 2).sum() / 0.0495**2  # on 5 degrees of freedom: p = 0.043
    assert chi == pytest.approx(11.43, abs=0.01)
    assert plots.finding(frame, unit="share") == (
        "Win rate: the groups differ by more than noise, f highest with 60.0%, a lowest with 40.0%"
    )
    wide = measured(value, by=list("abcdef"), low=1.96 * 0.055)  # 9.3: p = 0.10
    assert "no difference" in plots.finding(wide, unit="share")


def test_notes_of_the_engine_are_said_under_the_figure():
    frame = measured([0.5, 0.6], by=["a", "b"], note="the period is not over")
    ax = plots.bars(frame, unit="share", source="Source: x")
    assert "the period is not over · Source: x" in shown(ax)
    assert "the period is not over" in ax.crm_twin().text.splitlines()[0]
    open_quarter = measured([0.5, 0.6])
    open_quarter["note"] = ["", "the period is not over"]
    assert "2025-Q1: the period is not over" in shown(plots.trend(open_quarter, unit="share"))


def test_the_clearest_pair_is_named_where_the_extremes_are_too_small():
    frame = measured([0.75, 0.70, 0.40, 0.35], by=["x", "a", "b", "y"], n=[6, 500, 500, 6])
    half = np.array([0.4, 0.02, 0.02, 0.4])
    frame = frame.assign(low=frame["value"] - half, high=frame["value"] + half)
    assert plots.finding(frame, unit="share") == "Win rate: a (70.0%) is clearly above b (40.0%)"


def test_parts_make_a_whole():
    frame = parts_of(pd.date_range("2026-01-01", periods=2, freq="QS"))
    frame["value"] = [30.0, 40, 30, 15, 35, 50]
    ax = check(plots.composition(frame))
    heights = np.array([[bar.get_height() for bar in group] for group in ax.containers])
    np.testing.assert_allclose(heights, [[0.3, 0.15], [0.4, 0.35], [0.3, 0.5]])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["detractors", "passives", "promoters"]
    texts = shown(ax)
    assert "Promoters rose from 30.0% in 2026-Q1 to 50.0% in 2026-Q2" in texts
    assert "2026-Q2: detractors 15.0%, passives 35.0%, promoters 50.0%" in ax.crm_alt


def test_names_with_an_underscore_stay_in_the_legend():
    frame = pd.DataFrame({"part": ["_a", "b"], "value": [1.0, 3.0]})
    ax = plots.composition(frame, parts="part")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["_a", "b"]


def test_more_parts_than_colours_become_others():
    frame = pd.DataFrame({"part": [f"p{i}" for i in range(11)], "value": np.arange(11, 0, -1.0)})
    ax = check(plots.composition(frame, parts="part"))
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert names == [*(f"p{i}" for i in range(7)), "4 others"]
    assert ax.containers[-1][0].get_width() == pytest.approx((4 + 3 + 2 + 1) / 66)


def test_a_negative_part_is_refused():
    frame = pd.DataFrame({"part": ["returns"], "value": [-1.0]})
    with pytest.raises(UsageError, match=r"'returns' is -1\.0"):
        plots.composition(frame, parts="part")


def test_a_bridge_closes_or_says_by_how_much_it_does_not():
    frame = pd.DataFrame(
        {
            "metric": ["customers_at_start", "new_customers", "lost_customers", "customers_at_end"],
            "value": [1000.0, 500, 50, 1450],
        }
    )
    ax = check(plots.bridge(frame))
    assert "Customers: 1,000 to 1,450, +450" in shown(ax)
    assert any("start and changes add up to the end" in t for t in shown(ax))
    assert [p.get_height() for p in ax.patches] == [1000, 1450, 500, -50]
    assert [p.get_y() for p in ax.patches] == [0, 0, 1000, 1500]
    open_end = plots.bridge(frame.assign(value=[1000.0, 500, 50, 1440]))
    assert any("does not close: −10 missing" in t for t in shown(open_end))
    assert "It does not close: −10 missing." in open_end.crm_alt


def test_a_bridge_of_small_changes_draws_no_bar_that_does_not_begin_at_zero():
    frame = bridge_of(["new"]).assign(value=[10_000.0, 25, 10_025])
    ax = plots.bridge(frame)
    assert [p.get_height() for p in ax.patches] == [25]
    assert "axis does not start at 0" in shown(ax)


def test_unknown_cells_of_a_triangle_are_blank():
    cohorts = pd.date_range("2026-05-01", periods=4, freq="MS")
    ax = check(plots.triangle(triangle_of(cohorts), as_of=AS_OF))
    cells = ax.images[0].get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(cells).sum(axis=1), [0, 1, 2, 3])
    assert not cells.mask[:, 0].any()
    assert cells.mask[3, 1:].all()
    np.testing.assert_allclose(cells[0], [1, 0.9, 0.81, 0.729])
    assert len(ax.texts) == 10
    assert ax.get_yticklabels()[0].get_text() == "2026-05 (50)"
    assert "2026-05 100.0% at 0 months, 72.9% at 3" in ax.crm_alt
    assert not ax.findobj(QuadMesh)


def test_a_large_triangle_gets_a_scale_instead_of_numbers():
    ax = plots.triangle(triangle_of(pd.date_range("2023-10-01", periods=36, freq="MS")))
    assert not ax.texts
    assert len(ax.figure.axes) == 2


def test_survival_curves_step_and_count_those_at_risk():
    frame = pd.DataFrame(
        {"days": [0, 10, 20, 30], "survival": [1.0, 0.8, 0.5, 0.4], "low": [1.0, 0.7, 0.4, 0.3],
         "high": [1.0, 0.9, 0.6, 0.5], "at_risk": [10, 10, 8, 5]}
    )  # fmt: skip
    ax = check(plots.survival(frame))
    assert ax.lines[0].get_drawstyle() == "steps-post"
    assert ax.lines[0].get_ydata() == pytest.approx([1, 0.8, 0.5, 0.4])
    texts = [t.replace("\u00a0", " ") for t in shown(ax)]
    assert "Still customers: median 20 days" in texts
    assert "still at risk" in texts
    assert ax.crm_alt.replace("\u00a0", " ") == "Still customers. 40.0% after 30 days, median 20 days."


def test_a_funnel_says_who_went_on_and_where_most_are_lost():
    frame = pd.DataFrame({"stage": ["Lead", "Meeting", "Won"], "entered": [400, 100, 60], "days": [3.0, 12.5, None]})
    ax = check(plots.funnel(frame))
    texts = [t.replace("\u00a0", " ") for t in shown(ax)]
    assert "Funnel: 60 of 400 (15.0%) reached Won; most are lost after Lead" in texts
    assert "↓ 25% went on · 3 days" in texts
    assert "↓ 60% went on · 12.5 days" in texts


def test_levers_add_up_to_the_change_or_say_what_is_missing():
    frame = pd.DataFrame({"lever": ["win_rate", "deals"], "effect": [-20.0, 120.0]})
    ax = check(plots.levers(frame, title=None, total=100.0, unit="money_per_day", currency="EUR"))
    assert [p.get_width() for p in ax.patches] == [120, -20, 100]
    assert [p.get_x() for p in ax.patches] == [0, 120, 0]  # each lever begins where the last one ended
    assert "The levers add up to the change." in ax.crm_alt
    short = plots.levers(frame, total=105.0, unit="money", currency="EUR").crm_alt
    assert "The levers miss the change by +€5." in short


def test_effects_show_mix_and_rate_beside_each_other():
    frame = pd.DataFrame({"segment": ["a", "b"], "mix": [0.01, -0.02], "rate": [0.03, 0.0]})
    ax = check(plots.effects(frame, unit="share", metric=words.About(title="Churn", unit="share")))
    texts = [t.replace("\u00a0", " ") for t in shown(ax)]
    assert "Churn: +2.0 pts in all, most of it from a (+4.0 pts)" in texts
    assert {"+4.0 pts", "−2.0 pts", "percentage points"} <= set(texts)
    assert [p.get_width() for p in ax.patches] == pytest.approx([0.01, -0.02, 0.03, 0.0])


def test_a_distribution_marks_median_and_mean_of_all_values():
    days = pd.Series([*range(1, 100), 5000.0, np.nan])
    ax = check(plots.distribution(days, title=None))
    inside = days[days <= ax.get_xlim()[1]]
    assert sum(p.get_height() for p in ax.patches) == len(inside.dropna())
    texts = [t.replace("\u00a0", " ") for t in shown(ax)]
    assert "median 50.5 days" in texts
    assert "mean 99.5 days" in texts
    assert any("1 above" in t and "1 unknown, left out" in t for t in texts)


@pytest.mark.parametrize("values", [[], [np.nan], [5.0], [5.0] * 60, [0.0, 1e9], [-3.0, 4.0], [np.inf, 1.0]])
def test_odd_distributions_are_drawn(values):
    check(plots.distribution(pd.DataFrame({"value": np.array(values, dtype=float)})))


def test_values_beyond_all_measure_are_drawn():
    check(plots.trend(measured([1e12, 5e12]), unit="money", currency="JPY"))
    check(plots.trend(measured([-1e-9, 1e-9], low=0), unit="share"))
    check(plots.bars(measured([-35.9, 40], by=["a", "b"]), unit="points"))
    check(plots.bars(measured([0.0, 0.0], by=["a", "b"], low=0), unit="count"))


def test_what_is_not_said_by_the_caller_comes_from_frame_and_metric():
    frame = measured([0.5, 0.6])
    frame.attrs |= {"unit": "days", "as_of": AS_OF, "currency": "EUR"}
    assert words.about(frame).unit == "days"
    metric = words.About(title="Won deals", unit="share", better="up")
    found = words.about(frame, metric, lang="pl")
    assert (found.title, found.unit, found.as_of, found.lang) == ("Won deals", "share", AS_OF, "pl")


def test_svg_is_the_same_twice():
    ax = plots.bars(groups_of(["a", "b"]))
    assert plots.svg(ax) == plots.svg(ax)
    assert b"<dc:date>" not in plots.svg(ax)


def test_scripts_that_no_font_can_draw_are_said_once_and_briefly(monkeypatch):
    fonts._warn_font.cache_clear()
    monkeypatch.setattr(fonts, "_drawable", lambda letter: letter < "\u3000")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plots.bars(groups_of(["東京", "京都"]))
        plots.bars(groups_of(["大阪", "京都"]))
    mine = [w for w in caught if issubclass(w.category, plots.FontWarning)]
    assert len(mine) == 1
    assert 'pip install "crmkit[cjk]"' in str(mine[0].message)
    fonts._warn_font.cache_clear()


def test_labels_that_meet_are_moved_apart():
    rng = np.random.default_rng(3)
    for _ in range(50):
        places = rng.normal(size=9).tolist()
        moved = style.spread(places, 0.3)
        assert np.diff(sorted(moved)).min() >= 0.3 - 1e-9
        assert np.argsort(moved).tolist() == np.argsort(places).tolist()
    assert style.spread([0.0, 5.0], 0.3) == [0.0, 5.0]


@pytest.mark.parametrize("text", ["x" * 500, "東京" * 200, "word " * 200, "", "a\nb"])
def test_wrapped_text_keeps_its_width_and_its_lines(text):
    lines = text_.wrap(text, 30, lines=2)
    assert len(lines) <= 2
    assert all(text_.text_width(line) <= 30 for line in lines)
    assert bool(lines) == bool(text)
    if len(text) > 100:
        assert lines[-1].endswith("…")


def test_colours_read_as_text_on_the_panel():
    def luminance(color):
        rgb = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in mpl.colors.to_rgb(color)]
        return float(np.dot([0.2126, 0.7152, 0.0722], rgb))

    for color in (*plots.PALETTE, style.SOFT, style.INK, style.GAIN, style.LOSS):
        contrast = (1.05) / (luminance(color) + 0.05)
        assert contrast >= 4.5 or (color == style.PALETTE[5] and contrast >= 4), color


def test_plots_do_not_import_seaborn_or_the_cjk_package():
    code = "import sys, crmkit.plots, crmkit.plots.style as s; s.families(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"seaborn", "notojp_matplotlib", "scipy.stats", "sklearn", "ibis"} & set(loaded)


def test_what_levers_were_stands_in_their_own_units():
    rows = pd.DataFrame({"lever": ["win_rate", "sales_cycle_days"], "before": [0.64, 36.2], "after": [0.61, 37.0],
                         "contribution": [-10.0, -5.0]})  # fmt: skip
    twin = plots.levers(rows, unit="money", currency="EUR").crm_twin().text
    assert "64.0%" in twin
    assert "36.2 days" in twin.replace("\u00a0", " ")
