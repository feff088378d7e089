"""Segments: the planted types recovered, answers worked by hand, the same whatever the order, and the awkward cases."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score, silhouette_score

import crmkit
from crmkit.errors import DataError, UsageError
from crmkit.methods import segment_features
from crmkit.models import CustomerSegments, SegmentScaler
from crmkit.models.segment_criteria import choose, stability


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data" / "sample")


@pytest.fixture(scope="module")
def features(sample):
    return segment_features(sample)


@pytest.fixture(scope="module")
def types(root, features):
    planted = pd.read_csv(root / "data" / "sample" / "truth_types.csv", dtype=str).set_index("customer_id").type
    return planted.reindex(features.index)


@pytest.fixture(scope="module")
def chosen(features):
    return CustomerSegments().fit(features)


def three(n=60, seed=0):
    """Three clouds that nobody could confuse, of 1, 2 and 3 parts."""
    rng = np.random.default_rng(seed)
    middles = np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], [n, 2 * n, 3 * n], axis=0)
    return pd.DataFrame(middles + rng.normal(0, 0.5, middles.shape), columns=["a", "b"]), middles


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_the_five_planted_types_are_recovered(features, types, method):
    found = CustomerSegments(5, method, refits=0).fit(features)
    assert found.method_ == method
    assert adjusted_rand_score(types, found.labels_) > 0.95


def test_the_number_that_criteria_choose_recovers_them_too(chosen, features, types):
    assert chosen.k_ in chosen.votes_.values()
    assert set(chosen.votes_) >= {"elbow", "silhouette", "calinski_harabasz", "davies_bouldin"}
    assert chosen.criteria_["k"].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert chosen.k_ in (5, 6)
    assert adjusted_rand_score(types, chosen.labels_) > 0.8
    assert chosen.stability_ > 0.9
    assert chosen.stability_low_ <= chosen.stability_ <= chosen.stability_high_
    row = chosen.criteria_.set_index("k").loc[chosen.k_]
    assert row["stability"] == pytest.approx(chosen.stability_)  # the same redraws, shown in two places
    assert row["weakest"] == pytest.approx(chosen.segment_stability_.min())
    points = chosen.scaler_.transform(features)
    assert row["silhouette"] == pytest.approx(silhouette_score(points, chosen.labels_), abs=0.005)  # other starts


def test_customers_who_are_still_to_order_are_found_by_their_features_before(sample, types):
    """Features as of a year before the end, so of fewer orders each, find the types nearly as well."""
    before = segment_features(sample, as_of="2025-09-30")
    found = CustomerSegments(5, refits=0).fit(before)
    assert adjusted_rand_score(types.reindex(before.index), found.labels_) > 0.8


def test_three_clouds_are_three_segments_the_largest_first():
    people, middles = three()
    found = CustomerSegments(random_state=5).fit(people)
    assert found.k_ == 3
    assert found.sizes_.tolist() == [180, 120, 60]
    assert adjusted_rand_score(middles[:, 0] * 2 + middles[:, 1], found.labels_) == 1
    assert found.stability_ == pytest.approx(1)
    assert found.segment_stability_.tolist() == pytest.approx([1, 1, 1])


def test_neither_the_order_of_rows_nor_ids_nor_the_seed_change_the_numbers():
    people, _ = three()
    people["land"] = np.where(people["a"] > 5, "PL", "DE")
    first = CustomerSegments(3).fit(people)
    shuffled = people.sample(frac=1, random_state=4)
    again = CustomerSegments(3).fit(shuffled)
    renamed = CustomerSegments(3).fit(people.set_axis([f"c{i}" for i in range(len(people))]))
    reseeded = CustomerSegments(3, random_state=99).fit(people)
    for other in (pd.Series(again.labels_, shuffled.index).sort_index(), renamed.labels_, reseeded.labels_):
        assert (np.asarray(other) == first.labels_).all()
    assert first.names_ == again.names_
    assert first.stability_ == again.stability_


def test_predict_gives_back_the_labels_and_new_customers_the_nearest():
    people, _ = three()
    found = CustomerSegments(3, refits=0).fit(people)
    assert (found.predict(people) == found.labels_).all()
    near = pd.DataFrame({"b": [8.0, 0.2], "a": [0.1, 8.5]})  # columns in another order
    assert found.predict(near).tolist() == [0, 1]
    distances = found.transform(near)
    assert distances.shape == (2, 3)
    assert distances.argmin(axis=1).tolist() == [0, 1]
    assert found.predict(near.iloc[:0]).tolist() == []


def test_who_lies_outside_gets_a_segment_and_a_warning():
    people, _ = three()
    people["land"] = ["PL", "DE"] * 180
    found = CustomerSegments(3, refits=0).fit(people)
    new = pd.DataFrame({"a": [50.0, 0.0], "b": [0.0, 0.0], "land": ["PL", "FR"]})
    inside = pd.DataFrame({"a": [people["a"].max()], "b": [0.0], "land": ["PL"]})
    with pytest.warns(UserWarning, match="2 of 2 customers lie outside.*a, land"):
        assert found.predict(new)[0] == found.predict(inside)[0]


def test_a_mixture_gives_probabilities_and_kmeans_has_none():
    people, _ = three()
    found = CustomerSegments(3, "mixture", refits=0).fit(people)
    chances = found.predict_proba(people)
    assert chances.sum(axis=1) == pytest.approx(np.ones(len(people)))
    assert (chances.argmax(axis=1) == found.labels_).all()
    assert not hasattr(CustomerSegments(3, refits=0).fit(people), "predict_proba")


def test_it_is_an_estimator():
    model = CustomerSegments(4, "mixture", most=6, refits=3, random_state=7)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "labels_")
    assert (model.set_params(k=2, method="kmeans").fit_predict(three()[0]) == model.labels_).all()


def test_fewer_customers_than_segments_gives_as_many_as_differ():
    with pytest.warns(UserWarning, match="5 segments were asked for, but only 2 customers differ"):
        found = CustomerSegments(5).fit(pd.DataFrame({"orders": [1, 9, 9], "age": [30, 40, 40]}))
    assert (found.k_, found.sizes_.tolist(), found.labels_.tolist()) == (2, [2, 1], [1, 0, 0])


def test_one_customer_and_equal_customers_are_one_segment_with_a_reason():
    for people in (pd.DataFrame({"orders": [3]}), pd.DataFrame({"orders": [3] * 50, "age": [40] * 50})):
        with pytest.warns(UserWarning, match="one segment: no two customers differ"):
            found = CustomerSegments().fit(people)
        assert (found.k_, found.labels_.tolist()) == (1, [0] * len(people))
        assert np.isnan(found.stability_)
        assert found.names_ == ["Nothing stands out"]
        assert found.predict(people).tolist() == [0] * len(people)


def test_constant_and_unknown_features_are_left_out_and_said():
    people, _ = three()
    found = CustomerSegments(3, refits=0).fit(people.assign(same=1.0, word="x", nothing=np.nan))
    assert found.sizes_.tolist() == [180, 120, 60]
    assert "same is left out: all customers are equal in it" in found.notes_
    assert "word is left out: all customers are equal in it" in found.notes_
    assert "nothing is left out: unknown for all customers" in found.notes_
    assert not set(found.profiles().query("used")["feature"]) & {"same", "nothing"}


def test_missing_demographics_draw_a_customer_nowhere():
    people, _ = three()
    people["age"] = np.nan
    people.loc[:9, "age"] = [30.0, 50.0] * 5
    people["land"] = None
    people.loc[10:19, "land"] = ["PL", "DE"] * 5
    found = CustomerSegments(3, refits=0).fit(people)
    assert found.sizes_.tolist() == [180, 120, 60]
    assert "age is unknown for 350 of 360 customers, who stand at its mean" in found.notes_
    points = found.scaler_.transform(people)
    assert points[100, 2:] == pytest.approx(np.zeros(3))


def test_a_huge_outlier_makes_no_segment_of_its_own():
    people, _ = three()
    giant = pd.DataFrame({"a": [1e12], "b": [0.0]})
    found = CustomerSegments(3, refits=0).fit(pd.concat([people, giant], ignore_index=True))
    assert found.sizes_.tolist() == [180, 121, 60]
    assert any("1 customer is far outside in a" in note for note in found.notes_)


def test_duplicates_change_no_border():
    people, _ = three()
    found = CustomerSegments(3, refits=0).fit(pd.concat([people, people], ignore_index=True))
    assert found.sizes_.tolist() == [360, 240, 120]
    assert (found.labels_[:360] == found.labels_[360:]).all()


def test_a_mixture_that_cannot_be_fitted_falls_back_and_says_so(monkeypatch):
    from crmkit.models import segment_criteria

    class Collapsing(segment_criteria.GaussianMixture):
        def fit(self, X, y=None):  # noqa: N803 - scikit-learn's name
            raise ValueError("ill-defined empirical covariance")

    monkeypatch.setattr(segment_criteria, "GaussianMixture", Collapsing)
    with pytest.warns(UserWarning, match="The mixture does not converge"):
        found = CustomerSegments(method="mixture", refits=2).fit(three()[0])
    assert (found.method_, found.k_, found.sizes_.tolist()) == ("kmeans", 3, [180, 120, 60])
    assert "bic" not in found.votes_
    assert not hasattr(found, "predict_proba")


def test_a_mixture_that_does_not_converge_is_none(monkeypatch):
    from crmkit.models import segment_criteria

    points = three()[0].to_numpy()
    assert segment_criteria.mixture(points, 3, 0).converged_
    monkeypatch.setattr(segment_criteria, "_ROUNDS", 1)
    assert segment_criteria.mixture(points, 6, 0) is None


def test_where_there_is_no_structure_stability_says_so():
    noise = pd.DataFrame(np.random.default_rng(2).normal(size=(300, 6)))
    found = CustomerSegments(6).fit(noise.add_prefix("x"))
    assert found.stability_ < 0.6
    assert found.segment_stability_.max() < 0.75


def test_scaling_worked_by_hand():
    people = pd.DataFrame({"orders": [0, 0, 0, 0, 31], "land": ["PL", "PL", "PL", "DE", "DE"]})
    scaler = SegmentScaler().fit(people)
    points = scaler.transform(people)
    assert scaler.logged_ == ["orders"]
    assert points[:, 0] == pytest.approx([-0.5] * 4 + [2.0])  # log(1 + x) is 0, 0, 0, 0, 5 log 2
    assert points[:, 1:].var(axis=0).sum() == pytest.approx(1)  # words weigh as one number
    assert SegmentScaler(log=()).fit(people).logged_ == []
    assert scaler.get_feature_names_out().tolist() == ["orders", "land: DE", "land: PL"]


def test_words_that_are_rare_are_counted_as_others():
    people = pd.DataFrame({"land": [f"L{i:02d}" for i in range(12) for _ in range(12 - i)]})
    scaler = SegmentScaler().fit(people)
    assert len(scaler.levels_["land"]) == 11
    assert scaler.levels_["land"][-1] == "(other)"
    new = pd.DataFrame({"land": ["L11", "nowhere"]})
    assert scaler.transform(new)[0].tolist() == scaler.transform(new)[1].tolist()


def test_votes_choose_the_fewest_of_equals_among_the_stable():
    table = pd.DataFrame({"k": [2, 3, 4], "stability": [0.9, 0.3, 0.9]})
    assert choose(table, {"elbow": 2, "silhouette": 4, "bic": 3, "weakest": 3})[0] == 2
    number, reason = choose(table.assign(stability=0.1), {"elbow": 3, "silhouette": 3, "bic": 2})
    assert number == 3
    assert "no number of segments comes again" in reason


def test_stability_counts_what_comes_again():
    people, _ = three()
    labels = (people["a"] > 4).astype(int).to_numpy() + 2 * (people["b"] > 4).to_numpy()
    agreed, again = stability(people.to_numpy(), labels, 3, method="kmeans", seed=0, refits=4)
    assert agreed == pytest.approx(np.ones(4))
    assert again == pytest.approx(np.ones((4, 3)))


def test_wrong_calls_say_what_is_wrong():
    people, _ = three(5)
    for wrong, said in (({"method": "ward"}, "method is 'ward'"), ({"k": 0}, "k is 0"), ({"k": 2.5}, "k is 2.5"),
                        ({"most": 1}, "most is 1"), ({"log": "yes"}, "log is 'yes'"),
                        ({"log": ["c"]}, "log names 'c'"), ({"log": ["a"]}, "negative values")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            CustomerSegments(**wrong).fit(people)
    with pytest.raises(UsageError, match="lack the column 'b'"):
        CustomerSegments(2, refits=0).fit(people).predict(people[["a"]])
    with pytest.raises(UsageError, match="is a time"):
        CustomerSegments(2).fit(people.assign(at=pd.date_range("2026-01-01", periods=30)))
    with pytest.raises(DataError, match="no customer"):
        CustomerSegments().fit(people.iloc[:0])
    with pytest.raises(DataError, match="infinite"):
        CustomerSegments().fit(people.assign(a=np.inf).assign(a=[*[np.inf] * 29, 1.0]))


def test_arrays_and_tables_with_ids_are_taken():
    people, _ = three()
    array = CustomerSegments(3, refits=0).fit(people.to_numpy())
    assert array.feature_names_in_.tolist() == ["x0", "x1"]
    named = CustomerSegments(3, refits=0).fit(people.assign(customer_id=people.index.astype(str)))
    assert (array.labels_ == named.labels_).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = named.named(people.assign(customer_id=people.index.astype(str)))
    assert told.columns.tolist() == ["customer_id", "segment"]
    assert told["segment"].map({name: at for at, name in enumerate(named.names_)}).tolist() == named.labels_.tolist()


def test_large_data_begins_with_a_drawn_part_and_ends_with_everyone(monkeypatch):
    from crmkit.models import segments

    people, _ = three()
    whole = CustomerSegments(3, refits=2).fit(people)
    monkeypatch.setattr(segments, "LARGE", 100)
    part = CustomerSegments(3, refits=2).fit(people)
    assert (part.labels_ == whole.labels_).all()
    assert part.centers_ == pytest.approx(whole.centers_)
    assert "criteria and stability are those of 100 customers drawn from 360" in part.notes_
