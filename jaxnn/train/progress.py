"""The bar that shows how far a training has come."""

import warnings

with warnings.catch_warnings():  # in a notebook without ipywidgets tqdm warns and draws its bar as text, which is fine
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm


def progress_bar(total: int, progress: bool, what: str) -> tqdm:
    """A bar that appears only when the work takes longer than a second."""
    return tqdm(total=total, disable=not progress, delay=1.0, desc=what, unit="epoch", leave=False)


def reading_order(name: str) -> tuple:
    """Where a metric stands in a table: training before validation, the loss first.

    Example:
        >>> sorted(["val_loss", "accuracy", "penalty", "loss"], key=reading_order)
        ['loss', 'accuracy', 'val_loss', 'penalty']
    """
    return name == "penalty", name.startswith("val_"), not name.endswith("loss"), name
