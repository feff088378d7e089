"""Marketing: what campaigns cost, what comes back, and what each lead and each unit of money brings.

Each metric can be split by the campaign (`campaign_id`, `name`) and by its channel (`channel`); what comes from leads,
reactions and sales also by the customer's columns (`customer.segment`).
"""

TITLE = "Marketing"
FILES = ("campaigns", "responses", "returns")
