"""What does ``import jaxnn`` cost beyond JAX and Optax? ``python bench/import_time.py``."""

from common import in_turn, machine, process, save, table


def main() -> None:
    """Print the table and write the JSON."""
    print(machine() + "\n")
    lines = {"jaxnn": "import jaxnn", "import jax, optax": "import jax, optax", "import flax.nnx": "import flax.nnx"}
    seconds = in_turn({name: lambda code=code: process(code) for name, code in lines.items()}, 9)
    table("A fresh process that only imports", seconds)
    save("import_time", {"seconds": seconds})


if __name__ == "__main__":
    main()
