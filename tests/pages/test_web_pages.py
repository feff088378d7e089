"""The page of the web site: sentences and tables from small sites worked by hand, and from sites that lack much."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.numbers import NBSP
from crmkit.pages import site_path, web

COLUMNS = ["session_id", "visitor_id", "started_at", "source", "pages", "lead_id", "order_id"]


def site(sessions):
    return crmkit.open({"web_sessions": pd.DataFrame(sessions, columns=COLUMNS)}, as_of="2026-06-30")


def text(html) -> str:
    return html.text.replace(NBSP, " ")


@pytest.fixture(scope="module")
def small():
    """Four visitors of the second quarter: one becomes a lead, one buys in two visits, one had come before."""
    return site(
        [
            ("0", "d", "2026-03-30 08:00", "google", 2, None, None),
            ("1", "a", "2026-04-01 10:15", "google", 1, None, None),
            ("2", "a", "2026-05-02 10:20", "direct", 4, "L1", None),
            ("3", "b", "2026-04-07 23:05", "direct", 6, None, "O1"),
            ("4", "b", "2026-05-07 23:10", "direct", 5, None, "O2"),
            ("5", "c", "2026-06-20 12:00", "google", 1, None, None),
            ("6", "d", "2026-06-21 12:00", "google", 3, None, None),
        ]
    )


@pytest.fixture(scope="module")
def nameless():
    """Visits that name no visitor, on days without a time."""
    rows = [(str(n), None, "2026-05-01", "google", 1 + n % 3, None, "O" if n % 4 == 0 else None) for n in range(40)]
    return site(rows)


def test_visitors_added_up_are_too_many(small):
    said = text(web.adding_up(small, "2026-Q2", every="month", by="source"))
    assert said == (
        "Added up over the months of 2026-Q2, there would be 6 visitors, 50% more than the 4. Added up over the groups "
        "by source, there would be 5 visitors, 25% more than the 4. Who comes twice is one visitor: different visitors "
        "do not add up."
    )
    assert text(web.adding_up(small, "2026-04", every="month", by="source")) == ""  # nothing to add up twice


def test_new_and_returning(small):
    assert text(web.new_and_returning(small, "2026-Q2")).startswith(
        "Of 4 visitors 3 came for the first time that this data knows; 1 (25.0%, 95% interval 4.6–69.9%) had come"
    )


def test_both_ways_up(small):
    found = text(web.both_ways_up(small, "2026-Q2")).splitlines()
    assert found[0] == "1 of the 4 visitors of 2026-Q2 became a lead: 25.0% (95% interval 4.6–69.9%)."
    assert found[1].startswith("The same upside down: 4.0 visitors for each lead (95% interval 1.43–21.94)")
    assert "it would be 400%" in found[2]
    assert text(web.both_ways_up(small, "2026-04")) == "None of the 2 visitors of 2026-04 became a lead on the site."


def test_by_visit_and_by_visitor(small):
    found = text(web.by_visit_and_by_visitor(small, "2026-Q2")).splitlines()
    assert found[0].startswith("Of the 4 visitors of 2026-Q2 1 bought: 25.0%")
    assert found[1].startswith("In 2 of the 6 visits of 2026-Q2 an order was placed: 33.3%")
    assert found[2].startswith("The share of visits is the higher one")


def test_followed_new_says_who_is_left_out(small):
    said = text(web.followed_new(small, "2026-Q2", window_days=32))
    assert said.startswith("Of the 2 new visitors of 2026-Q2 whose 32 days are over, 1 became a lead within them:")
    assert said.endswith("Left out: 1 whose window is still open.")


def test_hours_of_the_week(small):
    found = web.visit_hours(small, "2026-Q2")
    assert found["value"].sum() == 6
    assert found.set_index(["weekday", "hour"])["value"][7, 12] == 1  # a Sunday


def test_days_without_a_time_have_no_hours(nameless):
    assert web.visit_hours(nameless, "2026-Q2").attrs["missing"] == "nothing says at what time of day the visits began"


def test_without_visitors_what_is_known_is_said_and_the_rest_is_not_zero(nameless):
    assert not web.visitors_named(nameless)
    assert web.able(nameless, web.CARDS) == ["sessions", "session_purchase_rate", "bounce_rate", "pages_per_session"]
    assert web.first_able(nameless, "visitor_purchase_rate", "session_purchase_rate") == "session_purchase_rate"
    assert web.of_visitors(nameless, pd.DataFrame()).attrs["missing"] == web.UNNAMED
    for block in (web.both_ways_up(nameless, "2026-Q2"), web.new_and_returning(nameless, "2026-Q2")):
        assert "crm-absent" in block.html
    said = text(web.by_visit_and_by_visitor(nameless, "2026-Q2")).splitlines()
    assert said[0].startswith("In 10 of the 40 visits of 2026-Q2 an order was placed: 25.0%")
    assert "is not known" in said[1]


def test_a_path_without_anybody_is_one_line(nameless):
    path = site_path.followed(nameless, "2026-Q2", window_days=30, path="orders")
    assert path.attrs["missing"] == "no new visitor of 2026-Q2 is known who could be followed"
    assert site_path.path_in_words(path, name="2026-Q2").html == ""


def test_without_any_visit_every_block_is_one_line():
    deals = {"opportunity_id": ["1"], "outcome": ["open"], "created_at": ["2026-04-01"], "closed_at": [None]}
    crm = crmkit.open({"opportunities": deals}, as_of="2026-06-30")
    blocks = [
        web.adding_up(crm, "2026-Q2", every="month", by=""),
        web.new_and_returning(crm, "2026-Q2"),
        web.both_ways_up(crm, "2026-Q2"),
        web.by_visit_and_by_visitor(crm, "2026-Q2"),
        web.followed_new(crm, "2026-Q2", window_days=30),
        site_path.landing_table(site_path.landing(crm, "2026-Q2", "landing_page"), caption="x"),
        site_path.path_table(site_path.path_by(crm, "2026-Q2", "source"), caption="x"),
    ]
    assert all("needs the table web_sessions" in block.text for block in blocks)


def test_a_landing_page_that_differs_is_named():
    rows = [
        (str(n), str(n), "2026-05-01 09:00", "direct", 1 if n < 150 else 3, "L" if n % 50 == 0 else None, None)
        for n in range(400)
    ]
    found = site_path.landing(site(rows), "2026-Q2", "source")
    assert text(site_path.landing_in_words(found)) == "There are too few visits to say anything about a single source."
    pages = pd.DataFrame(rows, columns=COLUMNS)
    pages["landing_page"] = ["/news" if n < 200 else "/shop" for n in range(398)] + ["/rare"] * 2
    crm = crmkit.open({"web_sessions": pages}, as_of="2026-06-30")
    landed = site_path.landing(crm, "2026-Q2", "landing_page")
    said = text(site_path.landing_in_words(landed)).splitlines()
    assert said[0] == "Of the visits that began with /news (75.0%), clearly more than of the rest leave at once."
    assert said[1] == "Of the visits that began with /shop (0.0%), clearly fewer than of the rest leave at once."
    assert said[-1].endswith("/rare.")
    assert "75.0% ▲" in text(site_path.landing_table(landed, caption="Pages"))


def test_the_path_in_words_and_by_source(small):
    path = site_path.followed(small, "2026-Q2", window_days=60)
    said = text(site_path.path_in_words(path, name="2026-Q2")).splitlines()
    assert said[0].startswith("Of 3 new visitors of 2026-Q2, 1 reached the last step (Leads) within 60 days: 33.3%")
    assert said[1] == "1 of them are followed for less than 60 days so far and may go on yet."
    assert said[2].startswith("1 more ordered on the site without that way")
    by = site_path.path_by(small, "2026-Q2", "source", window_days=60).set_index("source")
    assert by.loc["google", ["new visitors", "leads"]].tolist() == [2, 1]


def test_the_checks_hold(sample):
    now = sample.period("2026-Q2")
    paths = [site_path.followed(sample, now, path=path) for path in ("leads", "orders")]
    rows = site_path.with_paths(pd.DataFrame(), sample, now, *paths)
    assert len(rows) == 7
    assert rows["left"].tolist() == pytest.approx(rows["right"].tolist())


def test_columns_are_found_where_the_data_has_them(small, nameless):
    assert web.column(small, "", "landing_page", "source") == "source"
    assert web.column(nameless, "visitor_type", "source") == "visitor_type"
    with pytest.raises(crmkit.UsageError, match="no column 'colour'"):
        web.column(small, "colour")
