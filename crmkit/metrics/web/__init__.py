"""The web site: visits and visitors, what they look at, and how many of them become leads and buy."""

TITLE = "Web site"
FILES = ("visits", "conversion")
