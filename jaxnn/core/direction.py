"""Whether larger is better, read off the name of a metric."""

RISING = ("accuracy", "top_", "r2", "log_likelihood", "auc", "f1")


def rises(metric: str) -> bool:
    """Whether larger values of a metric of this name are better.

    Example:
        >>> rises("val_accuracy"), rises("val_loss")
        (True, False)
    """
    name = metric.removeprefix("val_").removeprefix("test_")
    return name.startswith(RISING)
