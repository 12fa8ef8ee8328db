"""What does a small GPT learn in a few minutes? ``python bench/text.py``: the characters of Python's standard library.

4 blocks of width 128 over 64 characters, trained on the first nine tenths of the text and validated on the last.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import machine, save

import jaxnn as nn
from jaxnn.data import CharTokens, stdlib_corpus, windows

CONTEXT, BATCH = 64, 24
PROMPT = "def "


def corpus(chars: int) -> tuple[CharTokens, tuple, tuple]:
    """The tokens, the training windows, and 1,000 validation windows from the end of the text."""
    text = stdlib_corpus(chars)
    tokens = CharTokens.of(text)
    ids = tokens.encode(text)
    cut = len(ids) * 9 // 10
    x, y = windows(ids[cut:], CONTEXT)
    places = np.linspace(0, len(x) - 1, 1000).astype(int)  # spread over the whole last tenth
    return tokens, windows(ids[:cut], CONTEXT), (x[places], y[places])


def trial_for(vocab: int, steps: int):
    """A trial function of the peak learning rate."""

    def gpt(lr, dropout):
        schedule = nn.schedules.warmup_cosine(0.0, lr, steps // 20, steps, lr / 10)
        optimizer = optax.chain(nn.clip_by_norm(1.0), optax.adam(schedule, b2=0.99))
        return nn.Trial(nn.gpt(vocab, CONTEXT, 128, 4, 4, dropout), "softmax_cross_entropy", optimizer)

    return gpt


def main() -> None:
    """Train, print the curve and a sample, write the JSON."""
    print(machine() + "\n")
    chars = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000_000
    tokens, train, held = corpus(chars)
    steps = -(-len(train[0]) // BATCH)
    started = time.perf_counter()
    run = nn.fit(
        trial_for(tokens.vocab, steps), train, {"lr": 3e-3, "dropout": 0.0}, epochs=1, batch_size=BATCH,
        validation=held,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    loss = float(run.history["val_loss"][-1])
    print(f"{len(train[0]):,} windows, {steps:,} steps, {seconds:.0f} s, validation {loss:.3f} nats per character\n")
    prompt = jnp.asarray(tokens.encode(PROMPT))[None]
    ids = nn.generate(run, prompt, 400, temperature=0.8, top_k=20, key=jax.random.key(0))
    sample = tokens.decode(np.asarray(ids)[0])
    print(sample)
    save("text", {"chars": chars, "steps": steps, "seconds": seconds, "nats": loss, "sample": sample})


if __name__ == "__main__":
    main()
