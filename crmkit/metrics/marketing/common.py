"""What the files of marketing share: what campaigns can do without, and what is said of unknown ones."""

END = ("campaigns.ended_at",)
UNKNOWN = "some name a campaign that the table campaigns does not have"
