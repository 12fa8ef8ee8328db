import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats

import jaxnn as nn
from jaxnn.layers.random_rows import uniform
from jaxnn.layers.warp import warp

KEY = jax.random.key(11, impl="threefry2x32")
X = np.random.default_rng(0).normal(size=(3, 6, 5, 2))
MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect"}


def train(layer, x):
    return np.asarray(layer.apply({}, {}, jnp.asarray(x), key=KEY, train=True)[0])


def draws(layer, n, i=0):
    """The numbers in [-1, 1) that a layer draws for images of float64."""
    return np.asarray(uniform(type(layer).__name__, KEY, i, jnp.zeros((n, 1))))


@pytest.mark.parametrize("fill", MODES)
def test_an_affine_map_is_scipys(fill):
    rng = np.random.default_rng(1)
    matrix, shift = np.eye(2) + rng.normal(size=(3, 2, 2)) * 0.4, rng.normal(size=(3, 2)) * 2
    middle = np.array([2.5, 2.0])
    with jax.enable_x64(True):
        ours = warp(jnp.asarray(X), jnp.asarray(matrix), jnp.asarray(shift), fill)
    for image, found, m, s in zip(X, ours, matrix, shift, strict=True):
        for c in range(2):
            offset = middle + s - m @ middle
            theirs = ndimage.affine_transform(image[..., c], m, offset, order=1, mode=MODES[fill])
            np.testing.assert_allclose(found[..., c], theirs, atol=1e-12)


@pytest.mark.parametrize("fill", MODES)
def test_a_rotation_is_scipys_by_the_angle_drawn(fill):
    layer = nn.RandomRotation(80.0, fill)
    with jax.enable_x64(True):
        images = np.concatenate([X, X])
        found, angles = train(layer, images), draws(layer, 6) * 80
    assert len({*np.sign(angles)}) == 2
    for image, turned, angle in zip(images, found, angles, strict=True):
        theirs = ndimage.rotate(image, angle, axes=(0, 1), reshape=False, order=1, mode=MODES[fill])
        np.testing.assert_allclose(turned, theirs, atol=1e-12)


def torch_affine(x, matrix):
    """PyTorch's affine grid in pixels: what torchvision's transforms are made of, zeros around the image."""
    torch = pytest.importorskip("torch")
    height, width = x.shape[1:3]
    scale = np.array([width / 2, height / 2])
    theta = torch.tensor(
        np.concatenate([matrix[:, :, :2] * scale / scale[:, None], matrix[:, :, 2:] / scale[:, None]], 2)
    )
    images = torch.tensor(np.moveaxis(x, -1, 1))
    grid = torch.nn.functional.affine_grid(theta, images.shape, align_corners=False)
    made = torch.nn.functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
    return np.moveaxis(made.numpy(), 1, -1)


def test_translation_and_zoom_are_pytorchs_by_the_numbers_drawn():
    moving, zooming = nn.RandomTranslation(0.4, 0.3), nn.RandomZoom(0.6)
    with jax.enable_x64(True):
        moved, zoomed = train(moving, X), train(zooming, X)
        down, right, factor = draws(moving, 3) * 0.4 * 6, draws(moving, 3, 1) * 0.3 * 5, 1 + draws(zooming, 3) * 0.6
    places = np.zeros((3, 2, 3)) + np.eye(2, 3)
    places[:, 0, 2], places[:, 1, 2] = -right, -down
    np.testing.assert_allclose(moved, torch_affine(X, places), atol=1e-12)
    places = np.eye(2, 3) / factor[:, None, None]
    np.testing.assert_allclose(zoomed, torch_affine(X, places), atol=1e-12)


def test_the_draws_fill_their_ranges_evenly():
    x = np.zeros((4000, 1, 41, 1), np.float32)
    x[:, :, 20] = 1
    column = np.arange(41)
    moved = train(nn.RandomTranslation(0.0, 0.25), x)[:, 0, :, 0] @ column - 20
    assert stats.kstest(moved / (0.25 * 41), stats.uniform(-1, 2).cdf).pvalue > 1e-3
    ramp = np.broadcast_to(((column - 20) / 20.0).astype(np.float32)[None, None, :, None], (4000, 1, 41, 1))
    factor = 0.25 / train(nn.RandomZoom(0.4), ramp)[:, 0, 25, 0]
    assert stats.kstest((factor - 1) / 0.4, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_a_quarter_turn_is_rot90():
    with jax.enable_x64(True):
        quarter = jnp.array([[[0.0, 1.0], [-1.0, 0.0]]])
        square = X[:1, :5]
        turned = warp(jnp.asarray(square), quarter, jnp.zeros((1, 2)), "constant")
    np.testing.assert_allclose(turned[0], np.rot90(square[0]), atol=1e-12)
