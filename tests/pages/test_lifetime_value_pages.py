"""The blocks of the page of lifetime value, on the sample, on simulated shops and where there is little."""

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import plots
from crmkit.errors import UsageError
from crmkit.models import project
from crmkit.models.projection import BUYING
from crmkit.numbers import NBSP
from crmkit.pages import draw, headline_cards, lifetime_answer, lifetime_tests, lifetime_value
from crmkit.personal import for_readers


def plain(html):
    return html.text.replace(NBSP, " ")


@pytest.fixture(scope="module")
def now(sample):
    return sample.period("2026-Q3")


@pytest.fixture(scope="module")
def found(sample, now):
    return lifetime_value.projected(sample, now, by="segment")


@pytest.fixture(scope="module")
def held(sample, found):
    return lifetime_tests.hold_out(sample, found, months=12)


@pytest.fixture(scope="module")
def ran(sample, found):
    return lifetime_tests.contract_test(sample, found, months=12, by="segment")


@pytest.fixture(scope="module")
def shop():
    """A web shop alone, without customers' columns: 300 buyers by the story of the BG/NBD."""
    random = np.random.default_rng(11)
    rows, start = [], pd.Timestamp("2024-01-01")
    for who in range(300):
        rate, drop, day = random.gamma(1.0, 1 / 60), random.beta(1, 4), random.integers(0, 600)
        while day < 900:
            rows.append((f"c{who}", start + pd.Timedelta(days=int(day)), float(random.gamma(4.0, 10.0))))
            if len(rows) > 1 and rows[-2][0] == f"c{who}" and random.random() < drop:
                break
            day += 1 + random.exponential(1 / rate)
    orders = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return crmkit.open({"orders": orders.assign(order_id=[str(n) for n in range(len(orders))])}, as_of="2026-06-30")


@pytest.fixture(scope="module")
def little():
    rows = {"order_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [50.0, 20.0],
            "ordered_at": ["2026-01-05", "2026-02-01"]}  # fmt: skip
    return crmkit.open({"orders": rows}, as_of="2026-03-31")


def test_the_answer_is_the_whole_and_its_cards_agree(found):
    card = lifetime_answer.card(found).set_index("metric")
    whole = found.totals.iloc[-1]
    assert card.loc["value_in_hand", "value"] == whole["expected_value"]
    assert card.loc["customers_valued", "value"] == whole["customers"] == 1223
    loose = found.customers[found.customers["part"] == BUYING]
    assert card.loc["chance_alive", "value"] == pytest.approx(loose["p_alive"].mean())
    bound = found.totals.set_index("part")["expected_value"]
    assert card.loc["share_under_contract", "value"] == pytest.approx(1 - bound[BUYING] / bound["all"])
    text = lifetime_answer.answer(card.reset_index(), currency="EUR").text
    assert text.startswith(
        "1,223 customers in hand are expected to bring a margin of €1.26M in 12 months (95% interval €"
    )
    assert f"{100 * card.loc['chance_alive', 'value']:.1f}% are likely still there" in text
    assert len(headline_cards(card.reset_index(), lifetime_answer.CARDS, currency="EUR").text.splitlines()) >= 4


def test_how_it_is_known_names_models_interval_and_tests(found, held, ran):
    text = plain(lifetime_answer.how_known(found, lifetime_tests.buying_test(held), ran))
    assert "Of the 474 contracts of that day" in text
    assert "349 did: more than chance makes, so the projection of contracts is likely too low." in text
    assert "It is known by BG/NBD for orders without a contract" in text
    assert "neither chance nor a future that differs" in text
    assert "635 came: as many." in text
    assert "348 customers count as 0: the contract ended" in text
    assert "4 customers have no number" in text


def test_parts_and_groups_add_up(found):
    parts = lifetime_value.by_part(found)
    assert parts["expected value"].iloc[:-1].sum() == pytest.approx(parts["expected value"].iloc[-1])
    assert parts["of the whole"].iloc[-1] == 1
    groups = lifetime_value.by_group(found, "segment")
    assert groups["value"].sum() == pytest.approx(parts["expected value"].iloc[-1])
    assert lifetime_value.by_group(found, "").attrs["missing"]


def test_longer_horizons_bring_more_but_less_than_in_proportion(sample, found):
    rows = lifetime_value.over_horizons(sample, found, by="segment")
    assert rows["months"].tolist() == [12, 24, 36]
    value = rows["expected value"].to_numpy()
    assert (np.diff(value) > 0).all()
    assert np.diff(value)[1] < np.diff(value)[0] < value[0]


def test_chances_and_their_bands(found):
    chances = lifetime_value.alive(found)
    assert len(chances) == 620
    finding = lifetime_value.alive_finding(chances)
    bands = lifetime_value.bands(found)
    assert bands["customers"].sum() == 620
    assert finding.startswith(f"{bands['customers'].iloc[0]} of 620 are there")
    assert finding.endswith(f"{bands['customers'].iloc[-1]} with less than 20%")
    assert bands["orders expected"].is_monotonic_decreasing


def test_lists_of_customers(sample, found):
    top = lifetime_value.top(sample, found, first=5)
    assert top["expected value"].is_monotonic_decreasing
    assert top["customer"].iloc[0].endswith(f"({found.customers['customer_id'].iloc[0]})"), (
        "the whole tables have names"
    )
    bought = lifetime_value.top(for_readers(sample), found, first=3, part="bought")
    assert bought["customer"].str.startswith("C-").all()
    assert set(lifetime_value.units(bought)) == {"still there", "orders expected", "an order", "expected value"}
    ask = lifetime_value.slipping(sample, found, first=4)
    assert ask["still there"].between(0.2, 0.6).all()
    stake = ask["expected value"] / ask["still there"] - ask["expected value"]
    assert ask["at stake"].to_numpy() == pytest.approx(stake.to_numpy())


def test_models_and_reasons(found):
    used = lifetime_value.used(found)
    assert used["model"].tolist()[:2] == ["BG/NBD", "Gamma-Gamma"]
    refused = lifetime_value.reasons(found)
    assert (refused["verdict"] != "used").all()
    assert "the end of these contracts is seen" in refused.set_index("model").loc["BG/NBD", "because"].iloc[0]
    assert "verdict" not in lifetime_value.reasons(found, verdict="used")
    names = lifetime_tests.parameters(found)["parameter"].tolist()
    assert names == ["r", "alpha", "a", "b", "p", "q", "v"]


def test_the_hold_out_in_figures_and_words(sample, held):
    tested = lifetime_tests.buying_test(held)
    text = plain(lifetime_tests.buying_words(tested))
    assert "BG/NBD expected 635 orders, and 635 came." in text
    figure = plots.expected_actual(tested, rule="if nobody stopped")
    first = tested.iloc[0]
    assert f"0: {first['expected']:.2f} expected, {first['actual']:.2f} came" in figure.crm_alt
    assert figure.crm_twin().text.count("\n") == len(tested) + 1
    followed = lifetime_tests.buying_tracking(sample, held)
    assert followed.attrs["actual"] == tested.attrs["actual"]
    line = plots.tracking(followed)
    assert "635 came" in line.crm_alt
    assert followed["actual"].is_monotonic_increasing


def test_contracts_are_held_out_too(sample, found, ran):
    assert ran["segment"].iloc[-1] == "all"
    assert ran["contracts"].iloc[:-1].sum() == ran["contracts"].iloc[-1]
    runs = sample.subscriptions.to_pandas()
    began = runs[(runs["started_at"] < "2025-10-01") & ~(runs["ended_at"] < "2025-10-01")]
    assert ran["contracts"].iloc[-1] == began["customer_id"].nunique()
    text = plain(lifetime_tests.contract_words(ran))
    assert f"{ran['ran on'].iloc[-1]:.0f} did" in text
    assert "more than chance makes" in text  # renewal rose with the CRM, and a model of the past follows late
    renewals = lifetime_tests.renewals(sample, found)
    assert renewals["customers"].sum() == 638
    assert ((renewals["low"] < renewals["actual"]) & (renewals["actual"] < renewals["high"])).all()


def test_spending_is_checked_in_words(sample, found):
    spent = lifetime_tests.spent_by_frequency(sample, found)
    assert spent["n"].sum() == 620
    text = plain(lifetime_tests.spending_words(sample, found))
    assert text.startswith("Their correlation is 0.01 (95% interval −0.06 to 0.09, 620 customers).")
    assert "Gamma-Gamma may be used" in text


def test_the_checks_hold(sample, now, found):
    rows = lifetime_value.checked(sample, now, found)
    assert len(rows) == 4
    assert np.allclose(rows["left"], rows["right"])


def test_an_earlier_period_looks_from_its_own_end(sample):
    then = lifetime_value.projected(sample, sample.period("2025-Q3"), by="segment")
    assert f"{then.customers.attrs['until']:%Y-%m-%d}" == "2025-09-30"
    assert then.totals["expected_value"].iloc[-1] > 0


def test_a_shop_alone_has_buyers_and_says_what_contracts_need(shop):
    now = shop.period("2026-Q2")
    found = lifetime_value.projected(shop, now)
    assert found.totals["part"].tolist() == [BUYING, "all"]
    assert found.margins[BUYING] == 1.0
    held = lifetime_tests.hold_out(shop, found, months=6)
    assert not held.missing
    assert lifetime_tests.buying_test(held)["customers"].sum() > 200
    assert lifetime_tests.contract_test(shop, found).attrs["missing"] == "needs the table subscriptions"
    assert lifetime_tests.renewals(shop, found).attrs["missing"] == "needs the table terms"
    rows = lifetime_value.checked(shop, now, found)
    assert np.allclose(rows["left"], rows["right"])


def test_where_there_is_little_each_block_says_so(little):
    now = little.period("2026-Q1")
    found = lifetime_value.projected(little, now)
    card = lifetime_answer.card(found)
    assert card.set_index("metric")["value"].drop("customers_valued").isna().all()
    assert "is not known from this data" in lifetime_answer.answer(card).text
    held = lifetime_tests.hold_out(little, found, months=1)
    assert held.missing
    blocks = [
        lifetime_value.by_part(found), lifetime_value.by_group(found, ""), lifetime_value.alive(found),
        lifetime_value.bands(found), lifetime_value.top(little, found), lifetime_value.slipping(little, found),
        lifetime_value.used(found), lifetime_tests.buying_test(held), lifetime_tests.buying_tracking(little, held),
        lifetime_tests.parameters(found), lifetime_value.over_horizons(little, found),
    ]  # fmt: skip
    assert all(block.attrs.get("missing") for block in blocks)
    ran = lifetime_tests.contract_test(little, found)
    assert "nobody bought again" in plain(lifetime_answer.how_known(found, lifetime_tests.buying_test(held), ran))
    assert "no rows" not in draw(plots.distribution, lifetime_value.alive(found)).text


def test_figures_of_nothing_say_so():
    empty = pd.DataFrame(columns=["label", "expected", "actual", "low", "high", "customers"])
    assert plots.expected_actual(empty).crm_alt.startswith("No data")
    nothing = pd.DataFrame(columns=["period", "expected", "actual", "after"])
    assert plots.tracking(nothing).crm_alt.startswith("No data")
    with pytest.raises(UsageError, match="no column 'expected'"):
        plots.expected_actual(pd.DataFrame({"label": []}))


def test_margins_of_parts_carry_over(sample, found):
    again = project(sample, by="segment", margin=found.margins)
    assert again.totals["expected_value"].iloc[-1] == pytest.approx(found.totals["expected_value"].iloc[-1])
