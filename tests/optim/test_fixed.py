"""Words inside a state of arrays: structure, so that a scan carries them and another word is another program."""

import jax
import jax.numpy as jnp
import pytest

from jaxnn.optim.fixed import Fixed


def test_it_has_no_leaves_and_is_compared_by_value():
    one, same, other = ({"scale": 1.0, "metric": Fixed(word)} for word in ("loss", "loss", "val_loss"))
    assert jax.tree.leaves(one) == [1.0]
    assert jax.tree.structure(one) == jax.tree.structure(same) != jax.tree.structure(other)
    assert hash(jax.tree.structure(one)) == hash(jax.tree.structure(same))


def test_a_scan_carries_it_and_may_not_change_it():
    start = {"count": jnp.int32(0), "metric": Fixed(("val_loss", "min"))}
    after, _ = jax.lax.scan(lambda s, _: ({**s, "count": s["count"] + 1}, None), start, length=3)
    assert int(after["count"]) == 3 and after["metric"] == start["metric"]
    with pytest.raises(TypeError, match="carry"):
        jax.lax.scan(lambda s, _: ({**s, "metric": Fixed("loss")}, None), start, length=3)
