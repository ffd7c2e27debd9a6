"""The network that a recipe names, and the recipe that names a network."""

from __future__ import annotations

from nstkit.recipes.recipe import Recipe
from nstkit.vgg import VGG
from nstkit.vgg.pretrained import native_preprocessing

# The fields of a recipe that describe its network.
NETWORK = ("network", "weights", "pooling", "padding", "preprocessing")


def network(recipe: Recipe) -> VGG:
    """Build the network that a recipe names, on the CPU in float32."""
    return VGG(recipe.network, recipe.weights, recipe.pooling, recipe.padding, recipe.preprocessing)


def naming(recipe: Recipe, vgg: VGG) -> Recipe:
    """Return a recipe that names this network, whatever network the recipe named before.

    Raises:
        ValueError: The recipe has layers that the network lacks.
    """
    native = native_preprocessing(vgg.source)
    preprocessing = recipe.preprocessing or native
    return recipe.replace(
        network=vgg.arch,
        weights=vgg.source,
        pooling=vgg.pooling,
        padding=vgg.padding,
        preprocessing=(
            recipe.preprocessing if vgg.preprocessing == preprocessing else vgg.preprocessing
        ),
    )
