"""Networks that paint at once: features moved and decoded, and networks trained for one style."""

from nstkit.feedforward.photoreal import as_photo
from nstkit.feedforward.transfer import HOWS, METHODS, Coder, Transfer, transfer
from nstkit.feedforward.transformer import TransformerNet, nets

__all__ = ["HOWS", "METHODS", "Coder", "Transfer", "TransformerNet", "as_photo", "nets", "transfer"]
