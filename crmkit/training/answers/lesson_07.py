"""Lesson 7, what marketing brings."""

from __future__ import annotations

from functools import cache

from crmkit.training.exercises import Exercise, Mistake, exercise

YEAR = "2025"
CHANNEL = "Social media"


@cache
def _returns(crm):
    from crmkit.methods.campaign_returns import campaign_returns

    return campaign_returns(crm, period=YEAR).set_index("channel")


@exercise("7.1")
def cost_per_customer(crm):
    """Spending of a year for each of its leads that became a customer, by channel."""
    spend = _returns(crm)["marketing_spend"].drop("(all)")
    people = crm.customers.to_pandas()
    leads = crm.leads.to_pandas().merge(crm.campaigns.to_pandas()[["campaign_id", "channel"]], on="campaign_id")
    leads = leads.merge(people[["customer_id", "acquired_at"]], on="customer_id", how="left")
    ever = leads.groupby("channel")["acquired_at"].count()
    of_year = leads[leads["created_at"].dt.year == int(YEAR)]
    counted, early = of_year.groupby("channel"), of_year[of_year["acquired_at"].dt.year == int(YEAR)]
    won = counted["acquired_at"].count()
    all_new = people[people["acquired_at"].dt.year == int(YEAR)]["channel"].value_counts()
    return Exercise(
        (spend / won).to_dict(),
        unit="money",
        mistakes=[
            Mistake((spend / counted.size()).to_dict(), "this is the cost of a lead. Which leads became customers?"),
            Mistake(
                (spend / counted["converted_at"].count()).to_dict(),
                "you divided by leads converted, with a `customer_id`. Of such a lead a deal was made; was it won?",
            ),
            Mistake(
                (spend / all_new[spend.index]).to_dict(),
                "these are all new customers of a channel, those without a lead too. Which are asked for?",
            ),
            Mistake((won / spend).to_dict(), "these are customers for a euro. What does a customer cost?"),
            Mistake((spend / ever).to_dict(), "the leads of all years are in it, and the money of one."),
            Mistake(
                (spend / early.groupby("channel").size()).to_dict(),
                "you left out the customers who first bought after the year. Of which year has the *lead* to be?",
            ),
            Mistake(won.to_dict(), "these are the customers. What was spent for each of them?"),
            Mistake(
                (won / counted.size()).to_dict(), "this is the share of leads that became customers. What did one cost?"
            ),
        ],
        because="The order is another than by lead: leads may be cheap because few of them buy.",
    )


@exercise("7.2")
def return_in_margin(crm):
    """What a channel's campaigns returned in margin."""
    found = _returns(crm).loc[CHANNEL]
    cost, revenue, margin = found["marketing_spend"], found["campaign_revenue"], found["campaign_margin"]
    whole = _returns(crm).loc["(all)"]
    return Exercise(
        (margin - cost) / cost,
        unit="share",
        within=0.006,
        mistakes=[
            Mistake((revenue - cost) / cost, "this is the return in revenue. Who pays for the goods?"),
            Mistake(margin / cost, "this is the margin for each euro spent. How much of it is beyond the cost?"),
            Mistake(revenue / cost, "this is revenue for each euro spent. Take the margin, and the cost off."),
            Mistake(margin / revenue, "this is the margin as a share of revenue. What came back on the *spending*?"),
            Mistake((margin - cost) / margin, "you divided by the margin. A return is a share of what was spent."),
            Mistake(
                (whole["campaign_margin"] - whole["marketing_spend"]) / whole["marketing_spend"],
                "this is the return of all channels together. Which row is asked for?",
            ),
            Mistake(margin - cost, "this is what is left in money. How much is it for each euro spent?"),
        ],
        because="Much less than in revenue. In the figure its interval reaches below 1: not all the money back.",
    )


@exercise("7.3")
def moved_to_the_best(crm):
    """The margin of a month gained or lost when e-mail gets the money of the fairs."""
    from crmkit.methods.response_curves import response_curves

    curve = response_curves(crm).table.set_index("channel")
    fairs, mail = curve.loc["Trade fairs"], curve.loc["E-mail"]
    moved, worth = fairs["spend_now"], mail["value_per_lead"]

    def leads(spend):
        return mail["leads_max"] * spend / (mail["half_spend"] + spend)

    after = leads(mail["spend_now"] + moved)
    gain, loss = (after - mail["leads_now"]) * worth, fairs["leads_now"] * fairs["value_per_lead"]
    return Exercise(
        gain - loss,
        unit="money",
        within=25,
        mistakes=[
            Mistake(
                moved * worth * mail["leads_now"] / mail["spend_now"] - loss,
                "you took the average of today for the new money. Is the curve a line?",
            ),
            Mistake(gain, "this is what e-mail wins. What do the fairs no longer bring?"),
            Mistake(-loss, "this is what the fairs no longer bring. What does e-mail win?"),
            Mistake(loss - gain, "the right size with the other sign. Does the company win or lose?"),
            Mistake(
                moved * (mail["marginal_return"] - fairs["marginal_return"]),
                "you took the slopes of today for all of the money. For how many euros does a slope hold?",
            ),
            Mistake(
                moved * mail["marginal_return"] - loss,
                "you took the slope of e-mail for all of the money. For how many euros does it hold?",
            ),
            Mistake(after * worth - loss, "these are all leads of e-mail. How many of them come now?"),
            Mistake(
                leads(moved) * worth - loss,
                "you gave e-mail the money of the fairs alone, and counted leads of it that come today already.",
            ),
            Mistake(
                (leads(moved) - mail["leads_now"]) * worth - loss,
                "you spend the money of the fairs instead of that of e-mail, not on top of it.",
            ),
            Mistake(after - mail["leads_now"] - fairs["leads_now"], "these are leads. What is a lead worth, of each?"),
            Mistake(
                (after - mail["leads_now"]) * worth - fairs["leads_now"] * worth,
                "you gave the leads of the fairs the worth of those of e-mail. Which have larger buyers?",
            ),
        ],
        because="By the averages it was a large gain. But an average is full of the first euros.",
    )
