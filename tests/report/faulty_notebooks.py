"""Small report notebooks, each named by what is wrong with it, and facts that stand in for data."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = 'data: str = "data/sample"  # the tables\nperiod: str = "latest"  # the period\nsegment: str = ""  # one segment\nwindow_days: int = 90  # days\n'

FIGURE = """import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.plot(["Apr", "May", "Jun", "Jul", "Aug", "Sep"], [0.41, 0.44, 0.39, 0.46, 0.48, 0.51], marker="o", color="#0067A5")
ax.set_title("Win rate rose to 51% in September", loc="left")
ax.spines[["top", "right"]].set_visible(False)
ax.set_ylabel("won ÷ closed")
display(fig, metadata={"image/png": {"alt": "Line: the win rate rose from 41% in April to 51% in September 2026"}})
plt.close(fig)"""

HOSTILE = (
    "<script>document.title='ran'</script></td><img src=x onerror=\"document.title='ran'\">[x](javascript:alert(1))"
)

WORKS = [
    "# Do we win more of what we pursue?\n\nThe head of sales decides each quarter where reps spend their hours.",
    "PARAMETERS",
    "## The answer\n",
    "from IPython.display import HTML\nHTML('<p class=\"crm-answer\">We won 48% of what was decided in {}, up 5 points, and it took us 9 days less.</p>'.format(period))",
    """HTML('''<ul class="crm-cards"><li class="crm-card good"><p class="crm-card-title">Win rate</p><p class="crm-card-value">48.1%</p>
<p class="crm-card-change">+5.2 pts</p><p class="crm-card-note">95% interval 44.0–52.3%</p><p class="crm-status good"><span aria-hidden="true">✓</span> on target</p></li>
<li class="crm-card bad"><p class="crm-card-title">Average deal size</p><p class="crm-card-value">€12,480</p><p class="crm-card-change">−8.3%</p><p class="crm-card-note">median €7,900</p><p class="crm-status bad"><span aria-hidden="true">✗</span> off target</p></li>
<li class="crm-card"><p class="crm-card-title">Sales cycle</p><p class="crm-card-value">51.8 days</p><p class="crm-card-change">−9.1 days</p></li></ul>''')""",
    "## How has it moved?\n\nCounted are the opportunities **closed** in a month; open ones are left out, since nobody knows yet how they end. The rate is `won / (won + lost)`.",
    FIGURE,
    "Read it as a share of decisions, not of the pipeline. Three months of the same direction are a movement; one is weather.",
    "## Who wins what?",
    """import pandas as pd
from crmkit.tables import table
display(table(pd.DataFrame({"owner": ["Łucja Żak", "山田 太郎", "王 秀英", "Ann O'Neil"], "won": [41, 38, 22, 17], "rate": [.52, .49, None, .31], "revenue": [512300., 401200., 98000., -1200.]}), caption="Win rate by owner", units={"rate": "share", "revenue": "money"}, currency="EUR", bars=["rate"]))""",
    'HTML(\'<div class="crm-note"><p>Seven deals of 王 秀英 are still open: too early to judge.</p></div><ul class="crm-checks"><li class="ok">The parts add up: 118 of 118 won deals.</li><li class="failed">3 deals close before they were made.</li></ul>\')',
    "## Definitions\n\n| term | meaning |\n|---|---|\n| win rate | won ÷ (won + lost), closed in the period |\n\nSee [what Ibis does](https://ibis-project.org/why) for more.",
    "print(period)",
]


def notebook(*cells: str) -> nbformat.NotebookNode:
    """Make a notebook: texts that begin with # or look like prose are Markdown, PARAMETERS is the tagged cell."""
    made = []
    for source in cells:
        if source == "PARAMETERS":
            made.append(new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}))
        elif source.startswith(("# ", "## ", "Counted", "Read")):
            made.append(new_markdown_cell(source))
        else:
            made.append(new_code_cell(source))
    return new_notebook(
        cells=made, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )


FAULTS = {
    "raises": ["# Raises?", "PARAMETERS", "1 / 1", "{}['amount']", "print('never')"],
    "sys_exit": ["# Exits?", "PARAMETERS", "import sys; sys.exit(0)", "print('never')"],
    "kernel_killed": ["# Dies?", "PARAMETERS", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "print('never')"],
    "hangs": ["# Hangs?", "PARAMETERS", "import time; time.sleep(600)"],
    "huge_output": ["# Talks?", "PARAMETERS", "for _ in range(60): print('x' * 50_000)"],
    "asks": ["# Asks?", "PARAMETERS", "input('name? ')"],
    "missing_alt": ["# Shows?", "PARAMETERS", "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"],
    "not_in_data": ["# Surveys?", "PARAMETERS", "from crmkit.errors import NotInThisData\nraise NotInThisData('it needs the table surveys')"],
    "boxes": ["# Boxes?", "PARAMETERS", "import sys; print('Glyph 26085 (日) missing from font(s) DejaVu Sans.', file=sys.stderr)"],
}  # fmt: skip


def write(folder, **notebooks):
    """Write notebooks given as name=cells into a folder of NN_name.ipynb files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, cells) in enumerate(notebooks.items()):
        nbformat.write(notebook(*cells), folder / f"{number:02d}_{name}.ipynb")
    return folder


def facts(data="invented", period="latest", **changes):
    """Facts of an invented company, for a data source that needn't exist."""
    import pandas as pd

    from crmkit.report.facts import Facts

    scorecard = pd.DataFrame(
        {
            "metric": ["win_rate", "average_deal_size", "nps", "churn_rate"],
            "title": ["Win rate", "Average deal size", "Net promoter score", "Customer churn"],
            "unit": ["share", "money", "points", "share"],
            "value": [0.481, 12480.0, -12.5, 0.041],
            "previous": [0.429, 13610.0, -20.0, 0.039],
            "low": [0.44, None, -18.0, 0.03],
            "high": [0.523, None, -7.0, 0.05],
            "target": [0.45, 14000.0, None, 0.04],
            "status": ["good", "bad", "better", "near"],
            "note": ["", "=cmd|'/c calc'!A1", "-1", "@x"],
        }
    )
    given = {
        "source": str(data),
        "as_of": "2026-09-30",
        "period": "2026-Q3" if period == "latest" else period,
        "company": "Łódź & Söhne <Handel>",
        "currency": "EUR",
        "first": "2023-10-01",
        "files": ({"table": "orders", "file": "orders.csv", "sha256": "00"},),
        "rows": {"orders": 12345, "customers": 2000},
        "scorecard": lambda: scorecard,
    }
    return Facts(**(given | changes))
