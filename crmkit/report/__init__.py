"""The report: notebooks run through papermill, set as pages of our own, in one dated folder."""

from crmkit.report.render import Result, Run, render

__all__ = ["Result", "Run", "render"]
