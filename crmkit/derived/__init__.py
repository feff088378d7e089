"""Relations made from the tables of a CRM; each module declares some with `@crmkit.relations.derived`."""
