"""The bar that shows how far a training has come."""

import warnings

with warnings.catch_warnings():  # in a notebook without ipywidgets tqdm warns and draws its bar as text, which is fine
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm


def progress_bar(total: int, progress: bool, what: str) -> tqdm:
    """A bar that appears only when the work takes longer than a second."""
    return tqdm(total=total, disable=not progress, delay=1.0, desc=what, unit="epoch", leave=False)


def reading_order(name: str) -> tuple:
    """Where a metric stands in a table: training before validation, the loss first, then those of outputs.

    Example:
        >>> sorted(["val_loss", "a_accuracy", "penalty", "a_loss", "loss"], key=reading_order)
        ['loss', 'a_loss', 'a_accuracy', 'val_loss', 'penalty']
    """
    own = name.removeprefix("val_")
    return name == "penalty", own != name, own != "loss", not own.endswith("loss"), name
