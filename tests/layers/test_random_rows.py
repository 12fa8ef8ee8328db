import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import ndimage

import jaxnn as nn
from jaxnn.core.checks import SpecError
from jaxnn.layers.random_rows import pixel, read, uniform

KEY = jax.random.key(5, impl="threefry2x32")
MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect"}
X = np.random.default_rng(0).normal(size=(6, 5, 4, 2)).astype(np.float32)
LAYERS = {
    "flip": lambda s: nn.RandomFlip(s),
    "crop": lambda s: nn.RandomCrop(4 * s, fill="reflect"),
    "rotation": lambda s: nn.RandomRotation(30 * s),
    "translation": lambda s: nn.RandomTranslation(0.3 * s, 0.2 * s),
    "zoom": lambda s: nn.RandomZoom(0.3 * s),
    "noise": lambda s: nn.GaussianNoise(0.1 * s),
}


def train(layer, x=X, key=KEY):
    return layer.apply({}, {}, jnp.asarray(x), key=key, train=True)[0]


@pytest.mark.parametrize("fill", MODES)
def test_places_between_pixels_are_read_as_scipy_reads_them(fill):
    rng = np.random.default_rng(1)
    image = rng.normal(size=(5, 4, 2))
    down, right = rng.uniform(-9, 13, (2, 5, 4))
    with jax.enable_x64(True):
        ours = read(jnp.asarray(image), jnp.asarray(down), jnp.asarray(right), fill)
    for channel in range(2):
        theirs = ndimage.map_coordinates(image[..., channel], [down, right], order=1, mode=MODES[fill])
        np.testing.assert_allclose(ours[..., channel], theirs, atol=1e-12)


@pytest.mark.parametrize(("fill", "word"), [("constant", "constant"), ("nearest", "edge"), ("reflect", "symmetric")])
def test_places_outside_are_those_of_numpys_padding(fill, word):
    row = np.arange(1, 4)
    index, inside = pixel(jnp.arange(-7, 10), 3, fill)
    np.testing.assert_array_equal(np.where(inside, row[index], 0), np.pad(row, (7, 7), word))


@pytest.mark.parametrize("name", LAYERS)
def test_a_strength_of_zero_is_the_identity_to_the_bit_concrete_or_traced(name):
    x = np.where(np.abs(X) < 0.3, np.float32(-0.0), X)
    same = jax.jit(lambda s, key: train(LAYERS[name](s), x, key))(0.0, KEY)
    assert np.asarray(same).tobytes() == x.tobytes()
    given = jnp.asarray(x)
    assert LAYERS[name](0.0).apply({}, {}, given, train=True)[0] is given
    assert LAYERS[name](1.0).apply({}, {}, given)[0] is given


@pytest.mark.parametrize("name", LAYERS)
def test_each_row_has_a_draw_of_its_own_and_each_key_others(name):
    x = np.repeat(X[:1], 5, 0)
    layer = LAYERS[name](1.0 if name != "flip" else 0.5)
    first, again, other = (np.asarray(train(layer, x, k)) for k in (KEY, KEY, jax.random.fold_in(KEY, 1)))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len({row.tobytes() for row in first}) == (2 if name == "flip" else 5)


@pytest.mark.parametrize("name", LAYERS)
def test_in_a_grid_over_strengths_each_member_is_its_solo_run_in_one_program(name):
    y = np.arange(6) % 2

    def trial(strength, lr):
        model = nn.Sequential(LAYERS[name](strength), nn.Flatten(), nn.Dense(2, kernel_init="zeros"))
        return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr))

    options = {"epochs": 2, "batch_size": 4, "progress": False}
    strengths = [0.0, 0.4, 0.9]
    runs = nn.grid(trial, (X, y), {"strength": strengths, "lr": [0.1]}, plan="map", **options)
    assert nn.grid(trial, (X, y), {"strength": [0.1, 0.3, 0.7], "lr": [0.2]}, plan="map", **options).n_compiles == 0
    for strength, run in zip(strengths, runs, strict=True):
        solo = nn.fit(trial, (X, y), {"strength": strength, "lr": 0.1}, **options)
        np.testing.assert_array_equal(run.history["loss"], solo.history["loss"])
    assert len({float(run.history["loss"][-1]) for run in runs}) == 3


def test_the_draws_are_uniform_and_differ_by_number():
    one, two = (np.asarray(uniform("Layer", KEY, i, jnp.zeros((20_000, 1)))) for i in (0, 1))
    assert -1 <= one.min() < -0.999
    assert 0.999 < one.max() < 1
    assert abs(one.mean()) < 4 / np.sqrt(3 * 20_000)
    assert one.var() == pytest.approx(1 / 3, rel=0.03)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(20_000)


IMAGES = [nn.RandomFlip(), nn.RandomCrop(), nn.RandomRotation(9.0), nn.RandomTranslation(0.1, 0.1), nn.RandomZoom(0.1)]


@pytest.mark.parametrize("layer", IMAGES, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 4), (2, 3, 8, 8, 1)])
def test_what_is_no_image_is_told(layer, shape):
    told = rf"{type(layer).__name__} needs images \(batch, height, width, channels\), got \({shape[0]}, .*write x\[...,"
    with pytest.raises(SpecError, match=told):
        layer.init(KEY, jnp.ones(shape))
    with pytest.raises(SpecError, match=told):
        layer.apply({}, {}, jnp.ones(shape))


@pytest.mark.parametrize("layer", [*IMAGES[2:], nn.GaussianNoise(0.1)], ids=lambda layer: type(layer).__name__)
def test_whole_numbers_are_told_where_pixels_are_blended(layer):
    with pytest.raises(SpecError, match=rf"{type(layer).__name__} needs floats, got uint8 .* write x.astype\(numpy"):
        layer.init(KEY, jnp.ones((2, 4, 4, 1), jnp.uint8))


@pytest.mark.parametrize("layer", [*IMAGES, nn.GaussianNoise(0.1)], ids=lambda layer: type(layer).__name__)
def test_a_missing_key_is_told(layer):
    with pytest.raises(SpecError, match=f"{type(layer).__name__} draws random numbers in training and got no key"):
        layer.apply({}, {}, jnp.ones((2, 4, 4, 1)), train=True)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: nn.RandomFlip(1.5), r"rate must lie in \[0, 1\], got 1.5; write RandomFlip\(0.5\)"),
        (lambda: nn.RandomFlip(axis="x"), "axis must be 'height' or 'width', got 'x'; write RandomFlip"),
        (lambda: nn.RandomCrop(-1), "padding must be 0 or more, got -1; write RandomCrop"),
        (lambda: nn.RandomCrop(2, fill="zeros"), "fill must be one of 'constant', 'nearest', 'reflect', got 'zeros'"),
        (lambda: nn.RandomRotation(-1.0), "degrees must be 0 or more"),
        (lambda: nn.RandomRotation(1.0, "wrap"), r"fill must be one of .*write RandomRotation\(10.0"),
        (lambda: nn.RandomTranslation(0.1, -0.1), "width must be 0 or more"),
        (lambda: nn.RandomTranslation(-0.1, 0.1), "height must be 0 or more"),
        (lambda: nn.RandomTranslation(0.1, 0.1, "wrap"), r"fill must be one of .*write RandomTranslation"),
        (lambda: nn.RandomZoom(1.0), r"share must lie in \[0, 1\)"),
        (lambda: nn.RandomZoom(0.1, "wrap"), r"fill must be one of .*write RandomZoom"),
        (lambda: nn.GaussianNoise(-0.1), "stddev must be 0 or more"),
    ],
)
def test_numbers_and_words_outside_are_refused(make, told):
    with pytest.raises(ValueError, match=told):
        make()
