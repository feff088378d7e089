"""Pairs put together: which records are one customer, and which of them to keep."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crmkit.methods.identity import likeness


def clusters(pairs: pd.DataFrame, records: pd.DataFrame) -> list[list[int]]:
    """Put records together, the surest pair first, and never two whose names or years of birth exclude it.

    Parameters
    ----------
    pairs : DataFrame
        `left`, `right` and `probability` of the pairs that count as one.
    records : DataFrame
        The records that the pairs point to by number.

    Returns
    -------
    list of list of int
        The numbers of the records of each cluster of two or more, in order.
    """
    names = [tuple(name.split(" ")) if isinstance(name, str) else () for name in records["name"]]
    person, born = records["person"].to_numpy(), records["born"].to_numpy(dtype=float, na_value=float("nan"))
    home = dict.fromkeys([*pairs["left"].tolist(), *pairs["right"].tolist()])
    members = {number: [number] for number in home}
    home = {number: number for number in home}

    def apart(one: int, other: int) -> bool:
        if 15 <= abs(born[one] - born[other]) <= 50:  # parent and child
            return True
        return likeness.clash(names[one], names[other], person=bool(person[one] or person[other]))

    order = pairs.sort_values(["probability", "left", "right"], ascending=[False, True, True])
    for left, right in zip(order["left"].tolist(), order["right"].tolist(), strict=True):
        one, other = home[left], home[right]
        if one == other or any(apart(a, b) for a in members[one] for b in members[other]):
            continue
        for number in members[other]:
            home[number] = one
        members[one] += members.pop(other)
    return sorted(sorted(found) for found in members.values() if len(found) > 1)


def kept(groups: Sequence[Sequence[int]], records: pd.DataFrame) -> pd.Series:
    """Return the record of each cluster to keep: the oldest; of equally old ones the fullest, then the smallest id.

    Parameters
    ----------
    groups : list of list of int
        The numbers of the records of each cluster.
    records : DataFrame
        With `created_at`, `filled` and `id`.

    Returns
    -------
    Series
        One row a record of a cluster, by its number: the number of the record that is kept in its place.

    Examples
    --------
    >>> records = pd.DataFrame({"created_at": pd.to_datetime(["2026-02-01", "2026-01-01", None]),
    ...                         "filled": [9, 3, 9], "id": ["1", "2", "3"]})
    >>> kept([[0, 1, 2]], records).tolist()
    [1, 1, 1]
    """
    numbers = [number for group in groups for number in group]
    home = [at for at, group in enumerate(groups) for _ in group]
    rows = records.iloc[numbers][["created_at", "filled", "id"]].assign(home=home, number=numbers)
    rows["filled"] = -rows["filled"]
    rows = rows.sort_values(["home", "created_at", "filled", "id"], na_position="last")
    first = rows.drop_duplicates("home").set_index("home")["number"]
    return pd.Series(rows["home"].map(first).to_numpy(), index=rows["number"].to_numpy(), dtype="int64")
