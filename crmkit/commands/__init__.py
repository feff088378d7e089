"""The commands, each with its options and what it does with them; `crmkit.cli` puts them together."""
