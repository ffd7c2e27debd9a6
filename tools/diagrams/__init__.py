"""The course's diagrams, drawn by code; tools/make_diagrams.py stores them."""

from diagrams.beat import BEATS
from diagrams.card import Diagram
from diagrams.field import FIELD
from diagrams.gram import GRAM
from diagrams.here import HERE
from diagrams.method import METHOD
from diagrams.network import VGG19
from diagrams.scales import SCALES
from diagrams.tiled import TILES
from diagrams.transport import TRANSPORT
from diagrams.valley import VALLEY
from diagrams.weights import WEIGHTS
from diagrams.window import WINDOW

DIAGRAMS: dict[str, Diagram] = {
    **HERE,
    "method": METHOD,
    "vgg": VGG19,
    "gram": GRAM,
    "weights": WEIGHTS,
    "valley": VALLEY,
    "scales": SCALES,
    "tiles": TILES,
    "transport": TRANSPORT,
    "beat": BEATS,
    "field": FIELD,
    "window": WINDOW,
}
