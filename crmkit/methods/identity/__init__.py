"""Telling whether two records are one customer: names, addresses and numbers made comparable, compared, and scored.

names and contacts bring what people write into one form; likeness says how two names are related; records makes a table
of such forms; model scores pairs with splink; evidence says in words why; clusters puts pairs together.
"""
