"""crmkit: every number by which the relationship with customers is judged, from the tables of a CRM."""

from __future__ import annotations
