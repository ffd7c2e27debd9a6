"""What the bundled pictures are called, for people."""

from __future__ import annotations

TITLES = {
    "astronaut": "Astronaut",
    "bridge": "Bridge at night",
    "castle": "Castle",
    "cat": "Cat",
    "kitten": "Kitten",
    "macaw": "Macaw",
    "autumn_hills": "Hills in autumn",
    "brandenburg_gate": "Brandenburg Gate at dusk",
    "colosseum": "Colosseum by day",
    "gateway_of_india": "Gateway of India at night",
    "great_wall": "Great Wall in summer",
    "mont_saint_michel": "Mont-Saint-Michel under clouds",
    "bouquet": "Van Gogh, Bouquet of Flowers",
    "composition_viii": "Kandinsky, Composition VIII",
    "grande_jatte": "Seurat, La Grande Jatte",
    "great_wave": "Hokusai, The Great Wave",
    "ink_landscape": "Zhao Yuan, Landscape",
    "sainte_victoire": "Cézanne, Mont Sainte-Victoire",
    "scream": "Munch, The Scream",
    "seashore": "Renoir, By the Seashore",
    "self_portrait": "Van Gogh, Self-Portrait",
    "starry_night": "Van Gogh, The Starry Night",
    "vase_of_flowers": "Redon, Vase of Flowers",
    "wheat_field": "Van Gogh, Wheat Field",
}


def title(name: str) -> str:
    """Return what a bundled picture is called: "great_wave" is "Hokusai, The Great Wave".

    Raises:
        ValueError: There is no bundled picture of this name.
    """
    if name not in TITLES:
        raise ValueError(f"There is no bundled picture {name!r}; there are {', '.join(TITLES)}.")
    return TITLES[name]


def pair_title(content: str, style: str) -> str:
    """Return what to write above a painting: "Cat, after Hokusai, The Great Wave"."""
    return f"{title(content)}, after {title(style)}"
