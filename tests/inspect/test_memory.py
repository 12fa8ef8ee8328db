"""Memory by split against the numbers and the shares that the papers print."""

import pytest

import jaxnn as nn
from jaxnn.inspect.memory import Split, least_split, memory
from jaxnn.inspect.sizes import sizes

GPT3 = sizes(nn.gpt(51200, 2048, 12288, 96, 96))
MT_NLG = sizes(nn.gpt(51200, 2048, 20480, 128, 105))
MIXED = (6, 6, 8)


def a_block(found, split, recompute):
    """What a block keeps: the difference that one more makes, with one stage."""
    import dataclasses

    more = dataclasses.replace(found, layers=found.layers + 1)
    used = [memory(f, split, split.data * split.micro, recompute, MIXED).activations for f in (found, more)]
    return used[1] - used[0]


@pytest.mark.parametrize(("found", "ratio"), [(GPT3, 80), (MT_NLG, 64)])
def test_attention_s_core_keeps_so_much_beside_the_34(found, ratio):
    """``5 a s / h`` is 80 for GPT-3 and 64 for MT-NLG, where all else is 34: Korthikanti et al., section 4."""
    rows = found.context * found.width
    assert a_block(found, Split(), None) == pytest.approx((34 + ratio) * rows, rel=1e-9)
    assert a_block(found, Split(micro=4), None) == pytest.approx(4 * (34 + ratio) * rows, rel=1e-9)


@pytest.mark.parametrize(("found", "saved", "dearer"), [(GPT3, 70, 2.7), (MT_NLG, 65, 1.6)])
def test_selective_recomputation_saves_what_the_paper_says_and_costs_it(found, saved, dearer):
    """ "Reduces activations by 70 and 65 percent, at 2.7 and 1.6 percent more operations": section 5."""
    split = Split(8, 1, sequence=True)
    share = 1 - a_block(found, split, "selective") / a_block(found, split, None)
    assert round(100 * share) == saved
    assert round(100 * (found.flops("selective") / found.flops() - 1), 1) == dearer


@pytest.mark.parametrize("tensor", [1, 2, 8])
def test_a_block_by_its_table(tensor):
    """Table 2 of the paper: what a block keeps, in bytes for each of ``s b h``."""
    rows, core = GPT3.context * GPT3.width, 80
    wanted = {
        (None, False): 10 + 24 / tensor + core / tensor,
        (None, True): 34 / tensor + core / tensor,
        ("selective", False): 10 + 24 / tensor,
        ("selective", True): 34 / tensor,
        ("full", False): 2,
    }
    for (recompute, sequence), each in wanted.items():
        kept = a_block(GPT3, Split(tensor, sequence=sequence), recompute)
        assert kept == pytest.approx(each * rows, rel=1e-6)


def test_stages_keep_a_micro_batch_of_each_stage():
    """The first of p stages keeps p micro-batches of l / p blocks, fewer where a batch has fewer."""
    alone = memory(GPT3, Split(8), 1, "selective", MIXED).activations
    output = 4 * GPT3.context * GPT3.width / 8 * (1 + GPT3.vocab / GPT3.width)
    dropout = GPT3.context * GPT3.width
    staged = memory(GPT3, Split(8, 8), 8, "selective", MIXED).activations
    assert staged == pytest.approx(alone - output + 7 * dropout, rel=1e-9)
    assert memory(GPT3, Split(8, 8), 4, "selective", MIXED).activations == pytest.approx(staged / 2, rel=1e-9)


def test_weights_gradients_and_moments_by_split():
    whole = memory(GPT3, Split(), 1, None, MIXED)
    assert whole[:3] == (6 * GPT3.parameters, 6 * GPT3.parameters, 8 * GPT3.parameters)
    assert whole.total == sum(whole)
    beside = GPT3.parameters - GPT3.blocks
    staged = memory(GPT3, Split(4, 8, 3), 24, None, MIXED)
    assert staged.weights == pytest.approx(6 * (GPT3.blocks / 32 + beside / 4))
    for zero, shares in enumerate([(1, 1, 1), (1, 1, 3), (1, 3, 3), (3, 3, 3)]):
        split = memory(GPT3, Split(4, 8, 3, zero=zero), 24, None, MIXED)
        for part, value, share in zip(staged[:3], split[:3], shares, strict=True):
            assert value == pytest.approx(part / share)
        assert split.activations == staged.activations


def test_zero_on_64_gpus_as_its_authors_count():
    """7.5 billion parameters, 64 GPUs, 16 bytes a parameter: 120, 31.4, 16.6 and 1.9 GB (figure 1 of ZeRO).

    They count 2 bytes for a weight, 2 for a gradient, and 12 for the moments with a copy of the weights.
    """
    import dataclasses

    found = dataclasses.replace(GPT3, parameters=7_500_000_000, blocks=7_500_000_000)
    for zero, gigabytes in enumerate([120, 31.4, 16.6, 1.9]):
        used = memory(found, Split(data=64, zero=zero), 64, "full", (2, 2, 12))
        assert sum(used[:3]) / 1e9 == pytest.approx(gigabytes, abs=0.06)


def test_the_least_split_goes_through_products_first():
    def least(limit, devices=None, batch=64, node=8, **options):
        split = least_split(GPT3, batch, devices, limit, "full", MIXED, Split(**options), node)
        return split and (split.tensor, split.pipeline, split.data)

    assert least(4e12) == (1, 1, 1) and least(2e12) == (2, 1, 1) and least(72e9) == (8, 8, 1)
    assert least(72e9, devices=128) == (8, 8, 2)
    assert least(72e9, devices=128, node=4) == (4, 16, 2)
    assert least(72e9, devices=96) == (8, 12, 1)
    assert least(72e9, devices=100) is None and least(1e9) is None
    assert least(72e9, devices=1024, batch=10) is None  # 16 copies do not divide it
    assert least(72e9, devices=1024, zero=1)[1] < 8
