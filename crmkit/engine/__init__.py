"""From declared metrics to numbers: the only place where queries for metrics are made and run."""
