"""What notebook 01 defines does what it says."""

import pytest
import torch
import torch.nn.functional as F

import nstkit
from course.cells import definition
from nstkit import lesson
from nstkit.vgg.names import layer_names


@pytest.fixture(scope="module")
def vgg():
    return nstkit.VGG().double()


def pixels(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_convolve_is_a_convolution_with_zeros_around():
    picture, kernel = pixels(2, 1, 7, 10) - 0.5, pixels(3, 3) - 0.5
    expected = F.conv2d(picture, kernel[None, None], padding=1)
    torch.testing.assert_close(
        definition("01_what_a_cnn_sees", "convolve")(picture, kernel), expected
    )


def test_normalize_is_the_networks_own(vgg):
    image = pixels(2, 3, 5, 8)
    torch.testing.assert_close(
        definition("01_what_a_cnn_sees", "normalize")(image), vgg.normalize(image)
    )


def test_normalize_subtracts_the_mean_color_and_puts_blue_first():
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    expected = torch.tensor([-103.939, -116.779, 255 - 123.68]).view(1, 3, 1, 1)
    torch.testing.assert_close(definition("01_what_a_cnn_sees", "normalize")(red), expected)


def test_extract_gives_every_layer_of_the_network(vgg):
    image, names = pixels(2, 3, 35, 48), list(layer_names())
    mine, expected = (
        definition("01_what_a_cnn_sees", "extract")(image, names, vgg),
        vgg(image, names),
    )
    assert list(mine) == names
    for name in names:
        torch.testing.assert_close(mine[name], expected[name])


@pytest.mark.parametrize("layer", ["conv1_1", "relu1_2", "pool1", "relu3_1", "pool3", "relu4_2"])
def test_receptive_field_is_the_support_of_the_gradient(layer):
    size, stride = definition("01_what_a_cnn_sees", "receptive_field")(layer)
    positive = nstkit.VGG(pooling="avg").double()
    for conv in positive.convs.values():
        conv.weight.fill_(1 / (9 * conv.in_channels))
        conv.bias.zero_()
    x = torch.ones(1, 3, 96, 136, dtype=torch.float64, requires_grad=True)
    features = positive(x, [layer])[layer]
    assert features.shape[-1] == x.shape[-1] // stride
    middle = features[0, 0, features.shape[2] // 2, features.shape[3] // 2]
    seen = torch.autograd.grad(middle, x)[0][0, 0] > 0
    assert seen.any(0).sum() == seen.any(1).sum() == size


def test_receptive_field_of_the_deepest_layers():
    receptive_field = definition("01_what_a_cnn_sees", "receptive_field")
    assert [receptive_field(name) for name in ("relu5_1", "relu5_4")] == [(156, 16), (252, 16)]


def test_favorite_is_what_the_course_grows(monkeypatch):
    vgg = nstkit.VGG()
    favorite = definition("01_what_a_cnn_sees", "favorite")
    monkeypatch.setitem(favorite.__globals__, "lesson", lesson)
    mine, theirs = favorite(vgg, "relu2_1", 5, 48, 4), lesson.grow(vgg, "relu2_1", 5, 48, 4)
    torch.testing.assert_close(mine[0], theirs[0])
    assert mine[1] == theirs[1]
