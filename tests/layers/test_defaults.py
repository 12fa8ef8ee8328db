"""What is left out of a call is what Keras, PyTorch and Flax take for it, and calls that say nothing do not train."""

import inspect

import flax.linen
import pytest

import jaxnn as nn
from jaxnn.core.layer import REGISTRY

LAYERS = {name: cls for name, cls in REGISTRY.items() if cls.__module__.startswith("jaxnn.layers.")}


def defaults(function):
    return {p.name: p.default for p in inspect.signature(function).parameters.values() if p.default is not p.empty}


@pytest.mark.parametrize("name", [n for n, cls in LAYERS.items() if hasattr(cls, "apply")])
def test_who_says_nothing_uses_the_model_and_does_not_train_it(name):
    assert defaults(LAYERS[name].apply) == dict(key=None, train=False, rows=None)


KERAS = {
    "BatchNorm": ("BatchNormalization", dict(momentum="momentum", eps="epsilon", use_scale="scale", use_bias="center")),
    "Conv": ("Conv2D", dict(strides="strides", dilation="dilation_rate", groups="groups", use_bias="use_bias")),
    "ConvTranspose": ("Conv2DTranspose", dict(strides="strides", dilation="dilation_rate", use_bias="use_bias")),
    "Dense": ("Dense", dict(use_bias="use_bias")),
    "DepthwiseConv": (
        "DepthwiseConv2D",
        dict(strides="strides", dilation="dilation_rate", multiplier="depth_multiplier", use_bias="use_bias"),
    ),
    "GRU": ("GRU", dict.fromkeys(("return_sequences", "dropout", "recurrent_dropout"))),
    "LSTM": ("LSTM", dict.fromkeys(("return_sequences", "dropout", "recurrent_dropout"))),
    "Attention": ("MultiHeadAttention", dict(dropout="dropout", use_bias="use_bias")),
    "SimpleRNN": ("SimpleRNN", dict.fromkeys(("return_sequences", "dropout", "recurrent_dropout"))),
}


@pytest.mark.parametrize("name", KERAS)
def test_the_numbers_are_those_of_keras(name, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    peer, names = KERAS[name]
    theirs, ours = defaults(getattr(keras.layers, peer).__init__), defaults(LAYERS[name])
    for own, other in names.items():
        wanted = theirs[other or own]
        wanted = wanted[0] if isinstance(wanted, tuple) else wanted  # (1, 1) of two axes is our 1
        assert ours[own] == wanted and type(ours[own]) is type(wanted), own


@pytest.mark.parametrize("name", ["LayerNorm", "GroupNorm"])
def test_eps_is_that_of_pytorch(name):
    torch = pytest.importorskip("torch")
    assert defaults(LAYERS[name])["eps"] == defaults(getattr(torch.nn, name).__init__)["eps"]
    theirs = defaults(getattr(flax.linen, name))
    assert defaults(LAYERS[name])["use_scale"] is theirs["use_scale"] is True
    assert defaults(LAYERS[name])["use_bias"] is theirs["use_bias"] is True


def test_a_layer_that_is_given_nothing_is_as_its_paper_has_it():
    assert nn.LSTM(2).forget_bias == 1.0  # Jozefowicz et al., 2015; ``unit_forget_bias`` of Keras
    assert nn.Attention(2).rotary_base == 10000.0  # Su et al., 2021
    assert nn.Attention(2).causal is False
    assert nn.RMSNorm().eps == nn.LayerNorm().eps and nn.RMSNorm().use_scale is True
    assert (nn.RandomCrop().padding, nn.RandomFlip().rate) == (4, 0.5)  # He et al., 2016, on CIFAR
    assert nn.DropConnect(nn.Dense(2)).rate == 0.5  # Wan et al., 2013
    assert (nn.Repeat(nn.Dense(2)).n, nn.Repeat(nn.Dense(2)).remat) == (1, None)
