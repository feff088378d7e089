"""The sample company's tables keep to the schema, to each other and to the order of time; writing is all or nothing."""

from __future__ import annotations

import hashlib
import json
import tomllib

import pandas as pd
import pytest

from crmkit.errors import UsageError
from crmkit.sample import write
from crmkit.schema import TABLES

END = pd.Timestamp("2026-10-01")
DERIVED = {("customers", "acquired_at"), ("customers", "lost_at")}
BESIDE = {"crm.toml", "truth.json", "truth_types.csv", "README.md"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kawomir") / "sample"
    write(folder)
    return folder


@pytest.fixture(scope="module")
def tables(folder):
    read = {}
    for name, declared in TABLES.items():
        table = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for column in table.columns:
            kind = declared[column].type if column in declared else "text"
            filled = table[column].where(table[column] != "")
            if kind == "time":
                table[column] = pd.to_datetime(filled, format="ISO8601", errors="raise")
            elif kind in ("number", "whole"):
                table[column] = pd.to_numeric(filled, errors="raise")
            elif kind == "flag":
                table[column] = filled.map({"true": True, "false": False, None: None})
            else:
                table[column] = filled
        read[name] = table
    return read


def joined(tables, name, to, by):
    """Rows of `name` that have a `to`, with its columns under `to_`."""
    right = tables[to].add_prefix(f"{to}_")
    left = tables[name][tables[name][by].notna()]
    return left.merge(right, left_on=by, right_on=f"{to}_{TABLES[to].key[0]}", validate="many_to_one")


@pytest.mark.parametrize("name", TABLES)
def test_table_keeps_to_the_schema(tables, name):
    table, declared = tables[name], TABLES[name]
    extra = {"targets": {"owner_id", "segment"}}.get(name, set())
    expected = {column for column in declared.names if (name, column) not in DERIVED} | extra
    assert set(table.columns) == expected
    assert len(table) > 0
    for column in declared.columns:
        if (name, column.name) in DERIVED:
            continue
        values = table[column.name].dropna()
        assert len(values) == len(table) or not column.required, column.name
        if column.values:
            assert set(values) <= set(column.values), column.name
        if column.type == "whole":
            assert (values % 1 == 0).all(), column.name
        if column.low is not None:
            assert (values >= column.low).all(), column.name
        if column.high is not None:
            assert (values <= column.high).all(), column.name
        if column.type == "time" and column.clock != "plan":
            assert (values < END).all(), column.name


@pytest.mark.parametrize("name", TABLES)
def test_keys_and_references(tables, name):
    table, declared = tables[name], TABLES[name]
    if declared.key:
        assert not table.duplicated(list(declared.key)).any()
        assert table[list(declared.key)].notna().all(axis=None)
    for column in declared.columns:
        if column.refers_to:
            known = tables[column.refers_to][TABLES[column.refers_to].key[0]]
            given = table[column.name].dropna()
            assert given.isin(known).all(), column.name
            assert len(given) > 0, column.name


def test_every_column_is_filled_somewhere(tables):
    for name, table in tables.items():
        assert table.notna().any().all(), name


def test_enough_of_everything(tables):
    assert len(tables["customers"]) == 2000
    assert (tables["opportunities"].outcome != "open").sum() >= 1500
    assert len(tables["surveys"]) >= 3000
    assert len(tables["tickets"]) >= 3500
    assert set(tables["opportunities"].outcome) == {"open", "won", "lost"}
    assert set(tables["opportunities"].kind) == {"new", "expansion", "renewal"}
    assert set(tables["terms"].outcome) == {"renewed", "lapsed", "open"}
    assert tables["targets"].metric.nunique() >= 8


def test_lost_deals_carry_an_amount(tables):
    assert (tables["opportunities"].amount > 0).all()


def test_names_in_many_scripts_and_hard_ones(tables):
    names = set(tables["customers"].name)
    text = "".join(names)
    assert all(letter in text for letter in "$&'<ŁżřßñéöJ髙桜丽")
    assert any(name.startswith("_") for name in names)
    assert any("日本語" in name for name in names)
    assert (tables["customers"].customer_id.str.len() == 5).all()
    assert tables["customers"].customer_id.str.startswith("00").any()
    assert tables["customers"].email.str.fullmatch(r"[a-z0-9.]+@example\.(com|org|net)").all()
    assert tables["customers"].email.is_unique
    assert not tables["customers"].name[tables["customers"].kind == "business"].duplicated().any()


def test_leads_in_order_of_time(tables):
    leads = tables["leads"]
    assert not (leads.first_contacted_at < leads.created_at).any()
    assert not (leads.qualified_at < leads.first_contacted_at).any()
    assert not (leads.converted_at <= leads.qualified_at).any()
    assert leads.converted_at.notna().equals(leads.customer_id.notna())
    assert 0.2 < leads.converted_at.notna().mean() < 0.7
    campaigns = joined(tables, "leads", "campaigns", "campaign_id")
    assert (campaigns.created_at >= campaigns.campaigns_started_at).all()
    assert (campaigns.created_at < campaigns.campaigns_ended_at).all()
    assert (campaigns.source == campaigns.campaigns_channel).all()
    deals = joined(tables, "leads", "opportunities", "opportunity_id")
    assert (deals.opportunities_created_at >= deals.converted_at).all()
    assert (deals.opportunities_lead_id == deals.lead_id).all()
    assert (deals.opportunities_customer_id == deals.customer_id).all()


def test_opportunities_and_their_stages(tables):
    deals = tables["opportunities"]
    assert (deals.outcome == "open").equals(deals.closed_at.isna())
    assert not (deals.closed_at <= deals.created_at).any()
    assert (deals.lost_reason.notna()).equals(deals.outcome == "lost")
    customers = joined(tables, "opportunities", "customers", "customer_id")
    assert (customers.created_at >= customers.customers_created_at).all()
    assert len(customers) == len(deals)
    stages = tables["opportunity_stages"]
    by = stages.groupby("opportunity_id")
    assert (by.entered_at.diff().dropna() >= pd.Timedelta(0)).all()
    assert not stages.duplicated(["opportunity_id", "stage"]).any()
    ends = by.agg(first=("entered_at", "first"), last=("entered_at", "last"), stage=("stage", "last"))
    deals = deals.set_index("opportunity_id").join(ends.rename(columns={"stage": "stage_entered"}))
    assert (deals["first"] == deals.created_at).all()
    assert (deals.stage == deals.stage_entered).all()
    closed = deals[deals.outcome != "open"]
    assert (closed["last"] == closed.closed_at).all()
    assert (closed.stage.str.lower() == closed.outcome).all()
    assert (deals.expected_close_at[deals.outcome == "open"] >= END).all()


def test_owners_are_there_when_they_work(tables):
    users = tables["users"].set_index("user_id")
    for name, column, when in (
        ("leads", "owner_id", "created_at"),
        ("opportunities", "owner_id", "created_at"),
        ("activities", "user_id", "at"),
        ("tickets", "agent_id", "opened_at"),
        ("usage", "user_id", "at"),
    ):
        rows = tables[name]
        begin, stop = rows[column].map(users.active_from), rows[column].map(users.active_to)
        assert (rows[when] >= begin).all(), name
        assert not (rows[when] >= stop).any(), name


def test_activities_follow_what_they_are_about(tables):
    activities = tables["activities"]
    assert activities[["customer_id", "lead_id", "opportunity_id"]].notna().any(axis=1).all()
    leads = joined(tables, "activities", "leads", "lead_id")
    assert (leads["at"] >= leads.leads_created_at).all()
    deals = joined(tables, "activities", "opportunities", "opportunity_id")
    assert (deals["at"] >= deals.opportunities_created_at).all()
    assert not (deals["at"] > deals.opportunities_closed_at).any()
    assert (deals.customer_id == deals.opportunities_customer_id).all()
    customers = joined(tables, "activities", "customers", "customer_id")
    assert (customers["at"] >= customers.customers_created_at).all()
    assert {"customer_id", "lead_id", "opportunity_id"} <= set(activities.columns[activities.notna().any()])


def test_orders_lines_and_payments(tables):
    customers = joined(tables, "orders", "customers", "customer_id")
    assert (customers.ordered_at >= customers.customers_created_at).all()
    deals = joined(tables, "orders", "opportunities", "opportunity_id")
    assert (deals.opportunities_outcome == "won").all()
    assert (deals.ordered_at >= deals.opportunities_closed_at).all()
    assert (deals.customer_id == deals.opportunities_customer_id).all()
    orders = tables["orders"].set_index("order_id")
    total = tables["order_lines"].groupby("order_id").amount.sum()
    assert set(total.index) == set(orders.index)
    assert (total - orders.amount).abs().max() < 0.005
    assert ((orders.amount < 0) == (orders.status == "returned")).all()
    assert (orders.amount != 0).all()
    lines = joined(tables, "order_lines", "products", "product_id")
    assert (lines.amount.abs() <= lines.products_price * lines.quantity.abs() + 0.005).all()
    assert not tables["order_lines"].duplicated(["order_id", "product_id"]).any()
    payments = joined(tables, "payments", "orders", "order_id")
    assert (payments.paid_at > payments.orders_ordered_at).all()
    assert (payments.customer_id == payments.orders_customer_id).all()
    paid = payments.groupby("order_id").amount.sum()
    assert (paid.abs() <= orders.amount.abs().reindex(paid.index) + 0.005).all()


def test_visits_lead_to_leads_and_orders(tables):
    visits = tables["web_sessions"]
    leads = joined(tables, "web_sessions", "leads", "lead_id")
    assert (leads.started_at <= leads.leads_created_at).all()
    orders = joined(tables, "web_sessions", "orders", "order_id")
    assert (orders.started_at <= orders.orders_ordered_at).all()
    assert (orders.orders_channel == "Web").all()
    assert (orders.visitor_id.str.removeprefix("V") == orders.orders_customer_id).all()
    assert not visits.order_id.dropna().duplicated().any()
    assert not visits.lead_id.dropna().duplicated().any()
    web = tables["orders"][tables["orders"].channel == "Web"]
    first_order = web.groupby("customer_id").ordered_at.min()
    known = visits.assign(customer_id=visits.visitor_id.str.removeprefix("V"))
    first_visit = known.groupby("customer_id").started_at.min().reindex(first_order.index)
    assert (first_visit <= first_order).all()
    campaigns = joined(tables, "web_sessions", "campaigns", "campaign_id")
    assert (campaigns.started_at >= campaigns.campaigns_started_at).all()
    assert (campaigns.started_at < campaigns.campaigns_ended_at).all()


def test_responses_follow_their_campaigns(tables):
    campaigns = joined(tables, "campaign_responses", "campaigns", "campaign_id")
    assert (campaigns["at"] >= campaigns.campaigns_started_at).all()
    assert (campaigns["at"] < campaigns.campaigns_ended_at).all()
    customers = joined(tables, "campaign_responses", "customers", "customer_id")
    assert (customers["at"] >= customers.customers_created_at).all()
    counts = tables["campaign_responses"].kind[tables["campaign_responses"].customer_id.notna()].value_counts()
    assert counts["sent"] > counts["opened"] > counts["clicked"] > counts["responded"]


def test_subscriptions_follow_each_other(tables):
    rows = tables["subscriptions"].sort_values(["customer_id", "started_at"])
    assert not (rows.ended_at <= rows.started_at).any()
    assert (rows.cancel_reason.notna()).equals(rows.ended_at.notna())
    before = rows.groupby("customer_id").shift()
    again = before.started_at.notna()
    assert (before.ended_at[again] <= rows.started_at[again]).all()  # also: none after one that runs
    moved = rows.cancel_reason.where(rows.cancel_reason == "Change of plan").groupby(rows.customer_id).shift().notna()
    assert (rows.started_at[moved] == before.ended_at[moved]).all()
    assert (rows.plan[moved] != before.plan[moved]).all()
    assert (rows.mrr[moved] > before.mrr[moved]).any()
    assert (rows.mrr[moved] < before.mrr[moved]).any()
    back = again & ~moved
    assert back.sum() > 20
    assert (rows.started_at[back] - before.ended_at[back] > pd.Timedelta(days=30)).all()
    customers = joined(tables, "subscriptions", "customers", "customer_id")
    assert (customers.started_at >= customers.customers_created_at).all()
    lost = rows[rows.ended_at.notna()].groupby("customer_id").cancel_reason.last()
    runs = set(rows.customer_id[rows.ended_at.isna()])
    given = tables["customers"].set_index("customer_id").lost_reason.dropna()
    assert given.to_dict() == {who: why for who, why in lost.items() if who not in runs}


def test_terms_lie_within_their_subscriptions(tables):
    terms = joined(tables, "terms", "subscriptions", "subscription_id")
    assert (terms.term_start >= terms.subscriptions_started_at).all()
    assert not (terms.term_end > terms.subscriptions_ended_at).any()
    assert (terms.term_end == terms.term_start + pd.DateOffset(years=1)).all()
    assert ((terms.outcome == "open") == (terms.term_end >= END)).all()
    lapsed = terms[terms.outcome == "lapsed"]
    assert (lapsed.term_end == lapsed.subscriptions_ended_at).all()
    assert (lapsed.subscriptions_cancel_reason != "Change of plan").all()
    start = set(zip(terms.subscriptions_customer_id, terms.term_start, strict=True))
    renewed = terms[terms.outcome == "renewed"]
    assert set(zip(renewed.subscriptions_customer_id, renewed.term_end, strict=True)) <= start
    assert (terms.amount - 12 * terms.subscriptions_mrr).abs().max() < 0.01


def test_support_and_surveys_in_order_of_time(tables):
    tickets = tables["tickets"]
    assert not (tickets.first_response_at <= tickets.opened_at).any()
    assert not (tickets.resolved_at <= tickets.first_response_at).any()
    assert tickets.resolved_at.isna().any()
    assert not tickets.reopened[tickets.resolved_at.isna()].astype(bool).any()
    customers = joined(tables, "tickets", "customers", "customer_id")
    assert (customers.opened_at >= customers.customers_created_at).all()
    surveys = tables["surveys"]
    assert ((surveys.score >= surveys.scale_min) & (surveys.score <= surveys.scale_max)).all()
    assert (surveys.score % 1 == 0).all()
    after = joined(tables, "surveys", "tickets", "ticket_id")
    assert (after.answered_at > after.tickets_resolved_at).all()
    assert (after.customer_id == after.tickets_customer_id).all()
    deals = joined(tables, "surveys", "opportunities", "opportunity_id")
    assert (deals.answered_at > deals.opportunities_closed_at).all()
    people = joined(tables, "surveys", "customers", "customer_id")
    assert (people.answered_at >= people.customers_created_at).all()


def test_use_of_the_crm_grows(tables):
    usage = joined(tables, "usage", "users", "user_id")
    assert usage["at"].min() >= pd.Timestamp("2025-07-01")
    assert usage.users_licensed.astype(bool).all()
    active = usage.groupby(usage["at"].dt.to_period("M")).user_id.nunique()
    assert active.iloc[-1] > 1.5 * active.iloc[0]


def test_costs_of_every_month_and_kind(tables):
    costs = tables["costs"]
    assert not costs.duplicated(["month", "category"]).any()
    assert (costs.month.dt.to_period("M").nunique()) == 36
    assert set(costs.category) == set(TABLES["costs"]["category"].values)
    assert (costs.amount > 0).all()


def test_experiments_are_split_evenly(tables):
    rows = joined(tables, "experiments", "customers", "customer_id")
    assert (rows.assigned_at > rows.customers_created_at).all()
    for _, arms in rows.groupby("experiment_id").variant:
        assert arms.value_counts().max() - arms.value_counts().min() <= 1


def test_small_enough_to_commit(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6_000_000


def test_settings_and_readme(folder):
    settings = tomllib.loads((folder / "crm.toml").read_text(encoding="utf-8"))
    assert str(settings["as_of"]) == "2026-09-30"
    assert settings["stages"]["Won"] == {"is": "won", "order": 5}
    tickets = pd.read_csv(folder / "tickets.csv")
    assert set(settings["sla"]["first_response_hours"]) == set(tickets.priority)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "CC0" in text
    assert "crmkit sample --to DIR --customers 2000 --seed 7" in text


def digest(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_same_seed_same_bytes(tmp_path, file_format):
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        write(tmp_path / name, customers=150, seed=seed, file_format=file_format)
    one, two, three = (digest(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    same = {name for name in one if one[name] == three[name]}
    assert same <= {f"products.{file_format}", f"targets.{file_format}", "crm.toml"}
    assert set(one) == {f"{name}.{file_format}" for name in TABLES} | BESIDE


def test_committed_sample_is_what_write_makes(folder, request):
    committed = request.config.rootpath / "data" / "sample"
    if not committed.exists():
        pytest.skip("data/sample is not in this checkout")
    assert digest(committed) == digest(folder)


def test_parquet_says_the_same(tmp_path):
    write(tmp_path / "csv", customers=150)
    write(tmp_path / "parquet", customers=150, file_format="parquet")
    for name in TABLES:
        columns = pd.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        text = pd.read_csv(tmp_path / "csv" / f"{name}.csv", dtype=str, keep_default_na=False)
        assert list(text.columns) == list(columns.columns)
        for column in columns:
            if pd.api.types.is_numeric_dtype(columns[column]) and columns[column].dtype != bool:
                expected = pd.to_numeric(text[column], errors="coerce")
                pd.testing.assert_series_equal(columns[column], expected, check_dtype=False)
            elif columns[column].dtype != bool:
                given = columns[column].astype(str).where(columns[column].notna(), "")
                assert given.tolist() == text[column].tolist(), (name, column)


def test_grows_with_the_customers(tmp_path):
    rows = {}
    for customers in (400, 1600):
        write(tmp_path / str(customers), customers=customers)
        rows[customers] = {n: sum(1 for _ in (tmp_path / str(customers) / f"{n}.csv").open("rb")) for n in TABLES}
    for name in ("customers", "leads", "opportunities", "orders", "activities", "tickets", "surveys", "web_sessions"):
        assert 3.0 < rows[1600][name] / rows[400][name] < 5.0, name
    assert rows[1600]["users"] < 3.0 * rows[400]["users"]


def test_a_former_sample_is_replaced(tmp_path):
    write(tmp_path / "here", customers=100, file_format="parquet")
    returned = write(tmp_path / "here", customers=120)
    names = {path.name for path in (tmp_path / "here").iterdir()}
    assert names == {f"{name}.csv" for name in TABLES} | BESIDE
    assert json.loads((tmp_path / "here" / "truth.json").read_text(encoding="utf-8")) == returned
    assert returned["customers"] == 120
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "orders.csv").write_text("order_id\n")
    with pytest.raises(UsageError, match="not a former sample"):
        write(tmp_path / "mine", customers=100)
    (tmp_path / "mine" / "truth.json").write_text("{}")
    (tmp_path / "mine" / "thesis.doc").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.doc"):
        write(tmp_path / "mine", customers=100)
    assert (tmp_path / "mine" / "thesis.doc").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        write(tmp_path / "file", customers=100)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", customers=100)
    assert (tmp_path / "empty" / "orders.csv").exists()


def test_nothing_is_left_where_it_fails(tmp_path, monkeypatch):
    write(tmp_path / "here", customers=100)
    before = digest(tmp_path / "here")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("crmkit.sample.folder.truth", full)
    with pytest.raises(OSError, match="no space"):
        write(tmp_path / "here", customers=110)
    assert digest(tmp_path / "here") == before
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"customers": 99}, "at least 100, not 99"),
        ({"customers": 2.5}, "not 2.5"),
        ({"customers": True}, "not True"),
        ({"seed": -1}, "0 or more, not -1"),
        ({"file_format": "xlsx"}, "csv or parquet, not 'xlsx'"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, told):
    with pytest.raises(UsageError, match=told):
        write(tmp_path / "x", **options)
    assert not (tmp_path / "x").exists()
