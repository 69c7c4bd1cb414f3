from sozu.master.metrics.figures import total


def test_numbers_are_added_name_by_name() -> None:
    assert total([{"requests": 2, "bytes": 3}, {"requests": 5, "bytes": 7}]) == {"requests": 7, "bytes": 10}


def test_a_name_that_one_worker_lacks_is_taken_from_the_others() -> None:
    assert total([{"statuses": {"200": 1}}, {"statuses": {"404": 2}}]) == {"statuses": {"200": 1, "404": 2}}


def test_histograms_are_added_bucket_by_bucket_within_the_same_bounds() -> None:
    one = {"bounds": [0.1, 1.0], "counts": [1, 2, 3], "sum": 0.5}

    assert total([one, one]) == {"bounds": [0.1, 1.0], "counts": [2, 4, 6], "sum": 1.0}


def test_no_worker_has_no_figures() -> None:
    assert total([]) == {}
