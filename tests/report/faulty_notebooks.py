"""Small report notebooks, each named by what is wrong with it, and facts that stand in for data."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = """\
data: str = "data/sample"  # the tables
period: str = "latest"  # the period
segment: str = ""  # one segment
window_days: int = 90  # days
"""

FIGURE = """\
import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.plot(["Apr", "May", "Jun", "Jul", "Aug", "Sep"], [0.41, 0.44, 0.39, 0.46, 0.48, 0.51], marker="o", color="#0067A5")
ax.set_title("Win rate rose to 51% in September", loc="left")
ax.spines[["top", "right"]].set_visible(False)
ax.set_ylabel("won ÷ closed")
display(fig, metadata={"image/png": {"alt": "Line: the win rate rose from 41% in April to 51% in September 2026"}})
plt.close(fig)
"""

HOSTILE = (
    "<script>document.title='ran'</script></td><img src=x onerror=\"document.title='ran'\">"
    "[x](javascript:alert(1))<a href='javascript:alert(1)'>y</a><svg onload=\"document.title='ran'\"></svg>"
)

CARDS = """\
HTML('''<ul class="crm-cards">
<li class="crm-card good"><p class="crm-card-title">Win rate</p><p class="crm-card-value">48.1%</p>
<p class="crm-card-change">+5.2 pts</p><p class="crm-card-note">95% interval 44.0–52.3%</p>
<p class="crm-card-status"><span class="crm-status good">✓ on target</span></p></li>
<li class="crm-card bad"><p class="crm-card-title">Average deal size</p><p class="crm-card-value">€12,480</p>
<p class="crm-card-change">−8.3%</p><p class="crm-card-note">median €7,900</p>
<p class="crm-card-status"><span class="crm-status bad">✗ off target</span></p></li>
<li class="crm-card"><p class="crm-card-title">Sales cycle</p><p class="crm-card-value">51.8 days</p>
<p class="crm-card-change">−9.1 days</p></li></ul>''')
"""

TABLE = """\
import pandas as pd
from crmkit.tables import table
rows = {"owner": ["Łucja Żak", "山田 太郎", "王 秀英", "Ann O'Neil"], "won": [41, 38, 22, 17],
        "rate": [0.52, 0.49, None, 0.31], "revenue": [512300.0, 401200.0, 98000.0, -1200.0]}
table(pd.DataFrame(rows), caption="Win rate by owner", units={"rate": "share", "revenue": "money"},
      currency="EUR", bars=["rate"])
"""

NOTES = """\
HTML('''<div class="crm-note"><p>Seven deals of 王 秀英 are still open: too early to judge.</p></div>
<ul class="crm-checks"><li class="ok">The parts add up: 118 of 118 won deals.</li>
<li class="failed">3 deals close before they were made.</li></ul>''')
"""

ANSWER = "We won 48% of what was decided in {period}, up 5 points in {window_days} days."

WORKS = [
    "# Do we win more of what we pursue?\n\nThe head of sales decides each quarter where reps spend their hours.",
    "PARAMETERS",
    "## The answer",
    "from IPython.display import HTML",
    f"HTML(f'<p class=\"crm-answer\">{ANSWER}</p>')",
    CARDS,
    "## How has it moved?\n\nCounted are the opportunities **closed** in a month; open ones are left out, since nobody "
    "knows yet how they end. The rate is `won / (won + lost)`.",
    FIGURE,
    "## Who wins what?",
    TABLE,
    NOTES,
    "## Definitions\n\n| term | meaning |\n|---|---|\n| win rate | won ÷ (won + lost), closed in the period |\n\n"
    "See [what Ibis does](https://ibis-project.org/why) for more.",
    "print(repr(segment))",
]

FAULTS = {
    "raises": ["1 / 1", "{}['amount']", "print('never')"],
    "sys_exit": ["import sys; sys.exit(0)", "print('never')"],
    "kernel_killed": ["import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "print('never')"],
    "hangs": ["import time; time.sleep(600)"],
    "huge_output": ["for _ in range(60): print('x' * 50_000)"],
    "asks": ["input('name? ')"],
    "missing_alt": ["import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"],
    "not_in_data": [
        "from crmkit.errors import NotInThisData",
        "raise NotInThisData('it needs the table surveys')",
    ],
    "boxes": ["import sys; print('Glyph 26085 (日) missing from font(s) DejaVu Sans.', file=sys.stderr)"],
}
FAULTS = {name: [f"# Does it {name}?", "PARAMETERS", *cells] for name, cells in FAULTS.items()}

HOSTILE_CELLS = [
    f"# Hostile <script>document.title='ran'</script>text?\n\n{HOSTILE}",
    "PARAMETERS",
    f"name = {HOSTILE!r}",
    "from IPython.display import HTML, Javascript, Markdown, SVG, display",
    "import pandas as pd",
    "pd.DataFrame({name: [name]}, index=[name])",
    "from crmkit.tables import table\ntable(pd.DataFrame({name: [name]}), caption=name)",
    "display(Markdown(name))",
    "HTML(name)",
    "HTML(pd.DataFrame({name: [name]}).to_html(escape=False))",
    "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><script>document.title=1</script></svg>'))",
    "Javascript('document.title=\"ran\"')",
    "display({'text/vnd.mermaid': name, 'text/plain': name}, raw=True)",
    "print(name)",
]


def notebook(*cells: str) -> nbformat.NotebookNode:
    """Make a notebook: texts that begin with # or ## are Markdown, PARAMETERS is the tagged cell."""
    made = []
    for source in cells:
        if source == "PARAMETERS":
            made.append(new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}))
        elif source.startswith(("# ", "## ")):
            made.append(new_markdown_cell(source))
        else:
            made.append(new_code_cell(source))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=made, metadata={"kernelspec": kernel})


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
