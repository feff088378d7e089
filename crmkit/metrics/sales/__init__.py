"""Sales: leads, pipeline, wins, cycles and the speed at which money comes in."""

TITLE = "Sales"
FILES = ("leads", "pipeline", "wins", "sales_cycle", "progress")
