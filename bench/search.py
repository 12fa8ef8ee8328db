"""What do searches save? ``python bench/search.py`` runs all parts, ``python bench/search.py halving`` one of them.

Each part is a file ``search_PART.py`` with a function ``run() -> dict``, which prints its table.
"""

import importlib
import sys

from common import machine, save

PARTS = ("halving", "optuna", "sklearn")


def main() -> None:
    """Print the tables of the parts that are asked for; of all of them also write the JSON."""
    asked = sys.argv[1:] or PARTS
    print(machine() + "\n")
    found = {part: importlib.import_module(f"search_{part}").run() for part in asked}
    if set(asked) == set(PARTS):
        save("search", found)


if __name__ == "__main__":
    main()
