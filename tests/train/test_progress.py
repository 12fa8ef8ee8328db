"""The bar, and the order in which metrics are read."""

import itertools
import time

import pytest

from jaxnn.train.progress import progress_bar, reading_order


def test_the_loss_comes_first_validation_after_training_and_the_penalty_last():
    expected = ["loss", "accuracy", "r2", "val_loss", "val_accuracy", "val_r2", "penalty"]
    for names in itertools.islice(itertools.permutations(expected), 0, None, 501):
        assert sorted(names, key=reading_order) == expected


def test_the_bar_keeps_quiet_for_short_work_and_where_it_is_not_wanted(capsys):
    with progress_bar(10, True, "fit") as bar:
        bar.update(10)
    with progress_bar(10, False, "fit") as silent:
        assert silent.disable
    captured = capsys.readouterr()
    assert "fit" not in captured.err + captured.out


@pytest.mark.slow
def test_the_bar_speaks_of_epochs_where_work_is_long(capsys):
    with progress_bar(10, True, "fit") as bar:
        time.sleep(1.1)
        bar.update(3)
        assert (bar.n, bar.total, bar.unit, bar.leave) == (3, 10, "epoch", False)
    captured = capsys.readouterr()
    assert "fit" in captured.err and "3/10" in captured.err
