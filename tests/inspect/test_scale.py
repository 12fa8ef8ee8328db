"""The table of large GPTs from the specs themselves, and the utilisations, days and splits that papers print."""

import dataclasses
import functools

import pytest

import jaxnn as nn
from jaxnn.inspect.memory import Split, least_split

VOCAB, CONTEXT, PEAK = 51200, 2048, 312e12
TABLE = [  # hidden, layers, heads, billions, GPUs, batch, teraFLOP/s per GPU, percent, petaFLOP/s, tensor, pipeline
    (2304, 24, 24, 1.7, 32, 512, 137, 44, 4.4, 1, 1),
    (3072, 30, 32, 3.6, 64, 512, 138, 44, 8.8, 2, 1),
    (4096, 36, 32, 7.5, 128, 512, 142, 46, 18.2, 4, 1),
    (6144, 40, 48, 18.4, 256, 1024, 135, 43, 34.6, 8, 1),
    (8192, 48, 64, 39.1, 512, 1536, 138, 44, 70.8, 8, 2),
    (10240, 60, 80, 76.1, 1024, 1792, 140, 45, 143.8, 8, 4),
    (12288, 80, 96, 145.6, 1536, 2304, 148, 47, 227.1, 8, 8),
    (16384, 96, 128, 310.1, 1920, 2160, 155, 50, 297.4, 8, 16),
    (20480, 105, 128, 529.6, 2520, 2520, 163, 52, 410.2, 8, 35),
    (25600, 128, 160, 1008.0, 3072, 3072, 163, 52, 502.0, 8, 64),
]
ids = lambda row: f"{row[3]}B"  # noqa: E731


def spec(row, **options):
    return nn.gpt(VOCAB, CONTEXT, row[0], row[2], row[1], **options)


@functools.cache
def scaled(row):
    return nn.scale(spec(row), row[5], devices=row[4], hfu=row[6] * 1e12 / PEAK)


@pytest.mark.parametrize("row", TABLE, ids=ids)
class TestTheLecturesTable:
    def test_parameters_to_the_printed_digit_and_exactly_the_formula(self, row):
        h, layers = row[:2]
        formula = 12 * layers * h**2 * (1 + 13 / (12 * h) + (VOCAB + CONTEXT) / (12 * layers * h))
        found = nn.scale(spec(row, final_norm=False), row[5], devices=row[4])
        assert found.parameters == pytest.approx(formula, rel=1e-14)
        whole = scaled(row)
        assert whole.parameters == found.parameters + 2 * h
        assert f"{whole.parameters / 1e9:.1f}" == f"{row[3]:.1f}"

    def test_operations_and_percent_of_the_peak(self, row):
        h, layers, _, _, devices, batch, _, percent, peta = row[:9]
        found = scaled(row)
        formula = 96 * batch * CONTEXT * layers * h**2 * (1 + CONTEXT / (6 * h) + VOCAB / (16 * layers * h))
        assert float(found.hardware_flops) == pytest.approx(formula, rel=1e-14)
        assert round(100 * found.hfu(found.seconds)) == percent
        rate = found.hardware_flops / found.seconds / 1e15  # printed without decimals for each GPU
        assert abs(rate - peta) <= devices * 0.5 / 1000 + 0.05

    def test_the_model_parallel_column_is_the_least_split_that_fits(self, row):
        """With 20 bytes a parameter, one sequence at once, full recomputation, and any share of the 80 GB between 0.76
        and 0.9 filled; the door fills 0.9."""
        found, none = scaled(row), Split()
        assert (found.split.tensor, found.split.pipeline) == row[9:] and found.fits
        for share in (0.76, 0.8, 0.85):
            split = least_split(found.sizes, row[5], row[4], share * 80e9, "full", (6, 6, 8), none, 8)
            assert split == found.split


@pytest.mark.parametrize(
    ("h", "layers", "heads", "devices", "batch", "pipeline", "seconds", "mfu", "hfu"),
    [
        (6144, 48, 64, 8, 4, 1, 1.10, 41.5, 43.7),
        (12288, 96, 96, 64, 64, 8, 13.75, 51.4, 52.8),
        (20480, 105, 128, 280, 280, 35, 37.83, 56.0, 57.0),
        (25600, 128, 160, 512, 512, 64, 71.49, 56.3, 57.0),
    ],
)
def test_utilisation_of_measured_steps(h, layers, heads, devices, batch, pipeline, seconds, mfu, hfu):
    """Korthikanti et al., table 5: seconds of an iteration, model and hardware FLOPs utilisation of A100s."""
    found = nn.scale(
        nn.gpt(VOCAB, CONTEXT, h, heads, layers), batch, devices=devices, tensor=8, pipeline=pipeline,
        sequence=True, recompute="selective",
    )  # fmt: skip
    rounding = 0.005 / seconds * 100 + 0.06  # of the printed seconds, and of the printed percent
    assert 100 * found.mfu(seconds) == pytest.approx(mfu, abs=rounding)
    assert 100 * found.hfu(seconds) == pytest.approx(hfu, abs=rounding)


@pytest.mark.parametrize(
    ("row", "tokens", "devices", "batch", "tera", "days"),
    [((12288, 96, 96), 300e9, 1024, 1536, 140, 34), (TABLE[-1], 450e9, 3072, 3072, 163, 84)],
)
def test_days_of_a_training(row, tokens, devices, batch, tera, days):
    """Narayanan et al., section 5.1: 34 days for GPT-3, 84 for a trillion parameters, by ``8 T P / (n X)``."""
    found = nn.scale(spec(row), batch, devices=devices, tokens=tokens, hfu=tera * 1e12 / PEAK)
    short = 8 * tokens * found.parameters / (devices * tera * 1e12) / 86400
    assert int(short) == days or round(short) == days
    assert found.days == pytest.approx(short, rel=0.03)  # it leaves out attention's products and the logits
    assert found.steps == pytest.approx(tokens / batch / CONTEXT)


def test_thirty_exaflop_days():
    """The trillion-parameter model on its 450 billion tokens: 30 exaflop-days, a day being 86,400 s at 10^18 a second.

    ``6 P T`` by hand, the rule of thumb for a training without recomputation, is 31.5; GPT-3's 300 billion tokens are
    the 3,640 petaflop-days of Brown et al., 2020, appendix D, which leaves attention out.
    """
    found = nn.scale(spec(TABLE[-1]), 3072, devices=3072, tokens=450e9)
    assert found.exaflop_days == pytest.approx(6 * 1008e9 * 450e9 / 8.64e22, rel=0.02)
    assert float(f"{found.exaflop_days:.0e}") == 30
    gpt3 = nn.scale(nn.gpt(50257, 2048, 12288, 96, 96), 1536, tokens=300e9)
    assert 1000 * gpt3.exaflop_days == pytest.approx(3640, rel=0.04)


def test_a_faster_device_a_smaller_split_and_what_is_printed():
    model = spec(TABLE[4])
    slow, fast = (nn.scale(model, 1536, devices=512, on=on, tokens=1e12) for on in ("A100", "H200"))
    assert fast.peak / slow.peak == pytest.approx(slow.days / fast.days)
    assert (fast.split.tensor, fast.split.pipeline) == (8, 1) and slow.split.pipeline == 2
    text = str(fast)
    for part in ("39,096,041,472", "512 H200: tensor 8 x pipeline 1 x data 64", "of 141", "HFU 45", "exaflop-days"):
        assert part in text
    assert repr(fast) == text and fast._repr_html_().count("<tr>") == len(text.splitlines()) == 6
    tight = nn.scale(model, 1536, tensor=8)
    assert not tight.fits and str(tight).endswith("it does not fit") and tight.days is tight.exaflop_days is None
    assert dataclasses.replace(tight, recompute=None).hardware_flops == tight.flops


def test_a_device_of_one_s_own():
    found = nn.scale(spec(TABLE[0]), 8, on="mine", peak=1e15, memory_bytes=200e9, hfu=0.5, recompute=None)
    assert found.seconds == pytest.approx(found.flops / 0.5e15) and found.limit == 200e9


SMALL = nn.gpt(50, 8, 16, 4, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(on="abacus"), r"'abacus' can do is not known .*; write nn\.scale\(model, batch, peak=312e12, memory"),
        (dict(on="mine", peak=1e12), "what 'mine' can do is not known"),
        (dict(batch=0), "batch must be a whole number of at least 1, got 0"),
        (dict(devices=2.5), "devices must be a whole number of at least 1, got 2.5"),
        (dict(recompute="all"), r'recompute is None, "selective" or "full", got \'all\''),
        (dict(zero=4), "zero is 0, 1, 2 or 3, got 4"),
        (dict(hfu=45), r"hfu is a share in \(0, 1\], got 45; write .*hfu=0\.45"),
        (dict(tokens=-1), "tokens is a number above 0, got -1"),
        (dict(tensor=3), "4 heads over tensor=3 leave a rest; write numbers that divide"),
        (dict(pipeline=4), "2 layers over pipeline=4 leave a rest"),
        (dict(tensor=2, devices=5), "5 devices over tensor x pipeline = 2 leave a rest"),
        (dict(tensor=2, devices=2, micro=3), "a batch of 4 over data x micro = 3 leave a rest"),
        (
            dict(memory_bytes=1e3),
            r"no split of .* over any number of A100 fits batches of 4 in 9e-07 GB each; write",
        ),
        (dict(state_bytes=(4, 4)), r"state_bytes are three numbers, .* got \(4, 4\); write state_bytes=\(4, 4, 8\)"),
    ],
)
def test_bad_calls_say_what_to_write(options, message):
    with pytest.raises(ValueError, match=message):
        nn.scale(SMALL, **{"batch": 4, **options})
