"""The report: notebooks run through papermill, set as pages of our own, in one dated folder.

A report notebook is a file `NN_name.ipynb` in `notebooks/`; it is found there without being registered. What it does:

- One cell tagged `parameters`, each line `name: type = literal  # help`, among them `data: str` and `period: str`.
- Its first heading is the page's title, its `## ` headings are the table of contents, and what `crmkit.notebook.answer`
  shows is the line under its title on the front page.
- It shows HTML (of `crmkit.notebook` and `crmkit.tables`, which escape what comes from data), pictures with alt text,
  and plain text. Markdown that code makes is shown as the text it is. Scripts, widgets and addresses are taken out.
- Where its tables are missing it raises `crmkit.errors.NotInThisData` with one line that says which.
- A cell tagged `hide` is run and not shown. Code of cells that show nothing is folded away with the next that does.
"""

from crmkit.report.render import Result, Run, render

__all__ = ["Result", "Run", "render"]
