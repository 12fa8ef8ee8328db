"""Cycles: cases with known values, PyTorch's and brute-force definitions."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.optim.schedules.parts import whole

S = nn.schedules


def test_one_cycle():
    schedule = S.one_cycle(
        transition_steps=5, peak_value=1000.0, pct_start=0.4, div_factor=10.0, final_div_factor=100.0
    )
    np.testing.assert_allclose(schedule(np.arange(7)), [100, 550, 1000, 750.25, 250.75, 1, 1], rtol=1e-6)


def test_linear_one_cycle():
    schedule = S.linear_one_cycle(10, 1000, pct_start=0.3, pct_final=0.7, div_factor=10.0, final_div_factor=100.0)
    expected = [100, 400, 700, 1000, 775, 550, 325, 100, 67, 34, 1, 1]
    np.testing.assert_allclose(schedule(np.arange(12)), expected, rtol=1e-5)


def test_whole_steps_of_a_share_are_exact():
    shares, steps = np.arange(1, 100), np.arange(1, 3001)
    ours = whole(jnp.asarray(shares / 100, jnp.float32)[:, None] * jnp.asarray(steps, jnp.float32)[None])
    np.testing.assert_array_equal(ours, shares[:, None] * steps[None] // 100)
    assert Fraction(29, 100) * 100 == 29
    assert int(0.29 * 100) == 28


@pytest.mark.parametrize(("mode", "rate"), [("triangular", 1.0), ("triangular2", 0.5)])
def test_cyclic_is_that_of_pytorch(mode, rate):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    theirs = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.9, step_size_up=30, step_size_down=70, mode=mode)
    expected = []
    for _ in range(500):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    ours = S.cyclic(0.1, 0.9, transition_steps=100, pct_start=0.3, decay_rate=rate)(np.arange(500))
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize(("length", "growth", "factor"), [(10, 1, 1.0), (10, 2, 0.5), (7, 3, 0.9), (1, 2, 1.0)])
def test_restarts_are_those_of_the_definition(length, growth, factor):
    expected, height, wave = [], 0.4, length
    while len(expected) < 5000:
        t = np.arange(wave)
        expected += list(height * (0.1 + 0.9 * (1 + np.cos(np.pi * t / wave)) / 2))
        height, wave = height * factor, wave * growth
    ours = S.cosine_restarts(0.4, length, t_mul=growth, m_mul=factor, alpha=0.1)(np.arange(5000))
    np.testing.assert_allclose(ours, expected[:5000], rtol=2e-5, atol=1e-6)


def test_restarts_with_a_growth_that_is_no_whole_number():
    starts, wave = [0.0], 10.0
    while starts[-1] < 2000:
        starts, wave = [*starts, starts[-1] + wave], wave * 1.3
    t = np.arange(2000)
    which = np.searchsorted(starts, t, side="right") - 1
    share = (t - np.array(starts)[which]) / (10 * 1.3**which)
    ours = S.cosine_restarts(1.0, 10, t_mul=1.3)(t)
    np.testing.assert_allclose(ours, (1 + np.cos(np.pi * share)) / 2, atol=2e-5)


@pytest.mark.parametrize("growth", [1, 1.01, 1.1, 1.2, 1.5, 2, 3, 7])
@pytest.mark.parametrize("length", [1, 3, 10, 96, 1000])
def test_each_wave_starts_at_its_own_peak_to_the_step(length, growth):
    starts = [Fraction(0)]
    while starts[-1] < 2_000_000 and len(starts) < 200:
        starts.append(starts[-1] + length * Fraction(str(growth)) ** (len(starts) - 1))
    whole = [(wave, int(start)) for wave, start in enumerate(starts) if start.denominator == 1 and start < 2_000_000]
    waves, steps = np.array(whole).T
    ours = S.cosine_restarts(1.0, length, t_mul=growth, m_mul=0.9)(steps)
    np.testing.assert_allclose(ours, 0.9**waves, rtol=1e-4)
    before = S.cosine_restarts(1.0, length, t_mul=growth, m_mul=0.9, alpha=0.5)(steps[1:] - 1)
    last = waves[1:] - 1.0
    assert (before <= 0.9**last * (1 + 1e-5)).all()
    long = length * growth**last > 90  # its last step is near its end
    np.testing.assert_allclose(before[long], 0.5 * 0.9 ** last[long], rtol=2e-3)


@pytest.mark.parametrize("peaks", [(1.6, 0.8, 0.4), (1.6, 1.6, 1.6)])
def test_sgdr_reaches_each_peak(peaks):
    cycles = [
        dict(decay_steps=int(steps), peak_value=peak, init_value=0, end_value=0.0, warmup_steps=500)
        for steps, peak in zip([2e3, 3e3, 5e3], peaks, strict=True)
    ]
    np.testing.assert_allclose(S.sgdr(cycles)(np.array([500, 2500, 5500])), peaks, rtol=1e-6)


def test_sgdr_takes_traced_lengths():
    def at(lengths):
        cycles = [dict(init_value=0.0, peak_value=1.0, warmup_steps=2, decay_steps=n) for n in lengths]
        return S.sgdr(cycles)(jnp.arange(40))

    lengths = np.array([[10, 20], [15, 12]])
    for row, together in zip(lengths, jax.jit(jax.vmap(at))(lengths), strict=True):
        alone = jax.jit(at, static_argnums=0)(tuple(row.tolist()))
        np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: S.one_cycle(0, 5.0), r"transition_steps must be above 0, got 0; write one_cycle\("),
        (lambda: S.linear_one_cycle(0, 5.0), "transition_steps must be above 0"),
        (lambda: S.one_cycle(10, 5.0, pct_start=1.1), r"pct_start must lie in \[0, 1\]"),
        (lambda: S.linear_one_cycle(10, 5.0, pct_final=-1), r"pct_final must lie in \[0, 1\]"),
        (lambda: S.one_cycle(10, 5.0, div_factor=0), "div_factor must be above 0"),
        (lambda: S.cyclic(0.1, 0.2, 0), "transition_steps must be above 0"),
        (lambda: S.cyclic(0.1, 0.2, 10, pct_start=1), r"pct_start must lie in \(0, 1\)"),
        (lambda: S.cosine_restarts(0.1, 10, t_mul=0.5), r"t_mul must be 1 or more, got 0\.5"),
        (lambda: S.cosine_restarts(0.1, 0), "first_decay_steps must be above 0"),
        (lambda: S.sgdr([]), "sgdr got no cycle"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
