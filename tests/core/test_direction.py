"""Whether larger is better, from the name alone."""

from jaxnn.core.direction import rises

FALLING = ["loss", "val_loss", "penalty", "val_mean_absolute_error", "mean_squared_error"]
RISING = ["accuracy", "val_accuracy", "test_accuracy", "top_5", "val_r2", "log_likelihood"]


def test_the_direction_is_read_off_the_name():
    assert [rises(n) for n in FALLING] == [False] * len(FALLING)
    assert [rises(n) for n in RISING] == [True] * len(RISING)
