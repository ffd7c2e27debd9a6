"""The course's diagrams, drawn by code; tools/make_diagrams.py stores them."""

from diagrams.card import Diagram
from diagrams.here import HERE
from diagrams.method import METHOD

DIAGRAMS: dict[str, Diagram] = {**HERE, "method": METHOD}
