"""The model that scores pairs: what agreement and disagreement of each column say, given to splink on DuckDB.

It is the model of Fellegi and Sunter (1969). For each column m is how often the records of one customer agree so, and
u how often those of two different customers do; a pair's odds are multiplied by m ÷ u, column after column. Where two
values are equal, how many others share the value counts instead of u: a name that many bear says less than a rare one.
The m are those of people who mistype, marry, move and change their provider; u of names and places are measured in the
data where there are enough records, by splink's sampling with a fixed seed.
"""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from crmkit.methods.identity import likeness
from crmkit.methods.identity.records import blocked

MEASURED_FROM = 10_000
"""With fewer records than this, chance agreement is not measured but taken from the settings."""
SAMPLED_PAIRS = 100_000
SEED = 7
AGAIN = 0.05
"""Of the records, how many are expected to be of somebody who is there already: what the odds start from."""
NEVER = 1e-18
"""How often one customer's records differ so that nothing else can make up for it: in name, or in year of birth."""
_SHARED = {
    "name_key": (0.5, 1.0),
    "email": (0.001, 0.001),
    "phone": (0.01, 0.05),
    "address": (0.3, 0.5),
    "postal": (0.5, 1.0),
    "place": (0.5, 1.0),
}
"""How many others are expected to share a value that only the two records have, and for each further record that has
it: people get the same name, hardly ever the same e-mail address, and a third record with it is mostly theirs, too."""
_UNUSED = ("table", "id", "created_at", "filled", "told", "email_told", "phone_told", "area")
_BLOCKS = (
    "email",
    "phone",
    "name",
    "name_place",
    "name_digits",
    "digits",
    "address",
    "street",
    "first",
    "last",
    "domain",
    "local",
)


def _level(sql: str, label: str, m: float, u: float, **more: Any) -> dict[str, Any]:
    return {"sql_condition": sql, "label_for_charts": label, "m_probability": m, "u_probability": u, **more}


def _empty(sql: str) -> dict[str, Any]:
    return {"sql_condition": sql, "label_for_charts": "unknown", "is_null_level": True}


def _equal(column: str, label: str, m: float, u: float) -> dict[str, Any]:
    sql = f'"{column}_l" = "{column}_r"'
    return _level(sql, label, m, u, tf_adjustment_column=column, tf_adjustment_weight=1.0)


def _named(kind: str) -> str:
    return f'crm_likeness("name_l", "name_r", "person_l" OR "person_r") = {likeness.KINDS.index(kind)}'


_ONE_LETTER = (
    '"email_digits_l" IS NOT DISTINCT FROM "email_digits_r" AND length("email_l") >= 12 '
    'AND damerau_levenshtein("email_l", "email_r") <= 2'
)
_STREET_ALIKE = 'length("street_l") >= 8 AND damerau_levenshtein("street_l", "street_r") <= 2'
_SAME_AREA = '("place_l" = "place_r" OR "postal_l" = "postal_r")'
_NO_LAND = """NOT ("phone_l" LIKE '+%' AND "phone_r" LIKE '+%')"""
_NO_PLACE = '("place_l" IS NULL OR "place_r" IS NULL)'
COMPARISONS: dict[str, list[dict[str, Any]]] = {
    "name": [
        _empty('"name_l" IS NULL OR "name_r" IS NULL OR "script_l" <> "script_r"'),
        _equal("name_key", likeness.SAME, 0.62, 1e-3),
        _level(_named(likeness.ALIKE), likeness.ALIKE, 0.16, 2e-5),
        _level(_named(likeness.SHORT), likeness.SHORT, 0.08, 2e-5),
        _level(_named(likeness.PART), likeness.PART, 0.06, 1e-4),
        _level(_named(likeness.SURNAME), likeness.SURNAME, 0.04, 5e-3),
        _level("ELSE", likeness.OTHER, NEVER, 0.98),
    ],
    "email": [
        _empty('"email_l" IS NULL OR "email_r" IS NULL'),
        _equal("email", "same", 0.7, 1e-3),
        _level(f'{_ONE_LETTER} AND length("email_digits_l") >= 3', "alike, same digits", 0.06, 1e-7),
        _level(_ONE_LETTER, "alike", 0.04, 1e-5),
        _level('"email_local_l" = "email_local_r"', "same before the @", 0.04, 1e-5),
        _level('"email_domain_l" = "email_domain_r"', "same domain", 0.04, 1e-3),
        _level("ELSE", "other", 0.12, 0.99),
    ],
    "phone": [
        _empty('"phone_l" IS NULL OR "phone_r" IS NULL'),
        _equal("phone", "same", 0.75, 1e-3),
        _level(f'"phone_tail_l" = "phone_tail_r" AND {_NO_LAND}', "same last digits", 0.05, 1e-6),
        _level("ELSE", "other", 0.2, 0.99),
    ],
    "address": [
        _empty('("street_l" IS NULL OR "street_r" IS NULL) AND ("place_l" IS NULL OR "place_r" IS NULL)'),
        _level('"address_l" = "address_r" AND "postal_l" <> "postal_r"', "same street, other postal code", 0.02, 1e-3),
        _equal("address", "same", 0.53, 1e-3),
        _level('"street_l" = "street_r" AND "postal_l" = "postal_r"', "same street and postal code", 0.05, 2e-6),
        _level(f"{_STREET_ALIKE} AND {_SAME_AREA}", "street a letter apart", 0.08, 1e-5),
        _level(f'"street_l" = "street_r" AND {_NO_PLACE}', "same street", 0.05, 5e-4),
        _equal("postal", "same postal code", 0.08, 1e-3),
        _level('"place_l" = "place_r" AND "place_named_l"', "the city in the name", 0.05, 0.05, fix_u_probability=True),
        _equal("place", "same city", 0.07, 0.05),
        _level("ELSE", "other", 0.2, 0.9),
    ],
    "born": [
        _empty('"born_l" IS NULL OR "born_r" IS NULL'),
        _level('"born_l" = "born_r"', "same", 0.96, 0.018),
        _level('abs("born_l" - "born_r") = 1', "next year", 0.03, 0.035),
        _level('abs("born_l" - "born_r") BETWEEN 15 AND 50', "a generation apart", NEVER, 0.45),
        _level("ELSE", "other", 0.01, 0.5),
    ],
}
"""What is compared, in which grades, and what each says: m and u before u is measured."""


def score(records: pd.DataFrame, *, least: float) -> pd.DataFrame:
    """Score the pairs of records that may be one, and return those whose probability is `least` or more.

    Parameters
    ----------
    records : DataFrame
        As `records.ordered` returns them.
    least : float

    Returns
    -------
    DataFrame
        One row a pair: `left`, `right` (numbers of records, left < right), `probability`, and for each column compared
        its grade (`name`, `email`, `phone`, `address`, `born`: a label, "unknown" where one is empty). In `attrs`:
        `compared` (pairs that were looked at).
    """
    import duckdb

    table = blocked(records)
    if not table[[f"block_{name}" for name in _BLOCKS]].notna().any(axis=None):
        return _no_pairs()
    engine = duckdb.connect()
    try:
        _likeness(engine)
        return _scored(engine, table, least)
    finally:
        engine.close()


def _scored(engine: Any, table: pd.DataFrame, least: float) -> pd.DataFrame:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    engine.execute("SET enable_progress_bar = false")
    engine.register("crm_records_frame", _arrow(table))
    engine.execute("CREATE TABLE crm_records AS SELECT * FROM crm_records_frame ORDER BY number")
    api = DuckDBAPI(engine)
    size = len(table)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="number",
        probability_two_random_records_match=min(0.5, 2 * AGAIN / max(size - 1, 1)),
        comparisons=[
            {"output_column_name": name, "comparison_levels": [dict(level) for level in levels]}
            for name, levels in COMPARISONS.items()
        ],
        blocking_rules_to_generate_predictions=[block_on(f"block_{name}") for name in _BLOCKS],
        retain_matching_columns=True,  # the grades are kept with them
    )
    linker = Linker(api.register("crm_records"), settings, log_level=None, validate_settings=False)
    for column, (alone, further) in _SHARED.items():
        shares = api.register(_shares(table[column], column, alone, further))
        linker.table_management.register_term_frequency_lookup(shares, column)
    if size >= MEASURED_FROM:
        _measure(linker, engine)
    looked_at = linker.inference.compute_blocked_pairs_for_predict().physical_name
    compared = engine.execute(f"SELECT count(*) FROM {looked_at}").fetchone()[0]
    found = linker.inference.predict(threshold_match_probability=least, warning_mode="never")
    pairs = engine.execute(
        f"SELECT number_l AS left, number_r AS right, match_probability AS probability, "
        f"{', '.join(f'gamma_{name}' for name in COMPARISONS)} FROM {found.physical_name}"
    ).df()
    return _labelled(pairs, int(compared))


def _arrow(table: pd.DataFrame) -> Any:
    """Return the columns that are compared, with their types even where all cells are empty."""
    import pyarrow as pa

    kinds = {"number": pa.int64(), "born": pa.int64(), "person": pa.bool_(), "place_named": pa.bool_()}
    shown = [name for name in table if name not in _UNUSED]
    return pa.table({name: pa.array(table[name], kinds.get(name, pa.string()), from_pandas=True) for name in shown})


def _shares(values: pd.Series, column: str, alone: float, further: float) -> pd.DataFrame:
    """Return how often each value is expected in a record of somebody else: the two that share it left out."""
    counts = values.value_counts().sort_index()
    frequency = (alone + further * (counts - 2).clip(lower=0)) / max(len(values), 1)
    return pd.DataFrame({column: counts.index.astype(str), f"tf_{column}": frequency.clip(upper=1.0).to_numpy()})


def _measure(linker: Any, engine: Any) -> None:
    """Measure how often the records of two customers agree by chance; in one thread, so that it comes out the same."""
    engine.execute("SET threads = 1")
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=SEED, num_chunks=1)
    engine.execute("RESET threads")


def _likeness(engine: Any) -> None:
    """Make `likeness.compare` known to DuckDB; a pair of names is compared once."""
    import pyarrow as pa

    known: dict[tuple[str, str, bool], int] = {}

    def kind(one: str, other: str, person: bool) -> int:
        found = known.get((one, other, person))
        if found is None:
            said = likeness.compare(tuple(one.split(" ")), tuple(other.split(" ")), person=person)
            found = known[one, other, person] = likeness.KINDS.index(said) if said else -1
        return found

    def kinds(ones: Any, others: Any, persons: Any) -> Any:
        columns = (ones.to_pylist(), others.to_pylist(), persons.to_pylist())
        return pa.array([None if a is None or b is None else kind(a, b, p) for a, b, p in zip(*columns, strict=True)],
                        pa.int32())  # fmt: skip

    engine.create_function("crm_likeness", kinds, ["VARCHAR", "VARCHAR", "BOOLEAN"], "INTEGER", type="arrow")


def _labelled(pairs: pd.DataFrame, compared: int) -> pd.DataFrame:
    """Write the grades of each pair as words: splink counts them from the last level, 0, and -1 is unknown."""
    for name, levels in COMPARISONS.items():
        labels = [level["label_for_charts"] for level in levels[1:]][::-1]
        pairs[name] = pairs.pop(f"gamma_{name}").map(
            lambda grade, labels=labels: labels[grade] if grade >= 0 else "unknown"
        )
    swapped = pairs["left"] > pairs["right"]
    pairs.loc[swapped, ["left", "right"]] = pairs.loc[swapped, ["right", "left"]].to_numpy()
    pairs = pairs.sort_values(["probability", "left", "right"], ascending=[False, True, True], ignore_index=True)
    pairs.attrs["compared"] = compared
    return pairs


def _no_pairs() -> pd.DataFrame:
    empty = pd.DataFrame(
        {"left": pd.Series(dtype=int), "right": pd.Series(dtype=int), "probability": pd.Series(dtype=float)}
    )
    for name in COMPARISONS:
        empty[name] = pd.Series(dtype=object)
    empty.attrs["compared"] = 0
    return empty
