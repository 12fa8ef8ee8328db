"""A table as people have it, made with a seed: text, dates, truth values, gaps, and a target of 9 to 1."""

import numpy as np
import pandas

GAPS = ("size", "age", "city", "joined", "member")


def messy(rows=400, seed=0, gaps=0.08):
    """A ``pandas.DataFrame`` whose column ``label`` depends on the others."""
    draw = np.random.default_rng(seed)
    size, age = draw.lognormal(3, 1, rows), draw.integers(18, 80, rows).astype(float)
    city = draw.choice(["Bern", "Ulm", "Graz", "Lyon"], rows, p=[0.5, 0.3, 0.15, 0.05]).astype(object)
    joined = np.datetime64("2019-01-01") + draw.integers(0, 1500, rows)
    member = (draw.random(rows) < 0.4).astype(object)
    score = 1.2 * np.log(size) + 0.05 * age + 1.5 * (city == "Ulm") + 1.2 * (joined > np.datetime64("2021-06-01"))
    score += 0.8 * member.astype(float) + draw.normal(0, 0.2, rows)
    frame = pandas.DataFrame({
        "id": [f"C{seed}-{i:05d}" for i in range(rows)], "size": size, "age": age, "city": city,
        "joined": joined.astype("datetime64[s]"), "member": member,
        "label": np.where(score > np.quantile(score, 0.9), "fraud", "fine"),
    })  # fmt: skip
    for name in GAPS:
        frame.loc[draw.random(rows) < gaps, name] = None
    return frame
