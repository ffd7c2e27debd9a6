"""Networks that paint at once: features moved and decoded, and networks trained for one style."""

from nstkit.feedforward.transfer import HOWS, Coder, Transfer, transfer
from nstkit.feedforward.transformer import TransformerNet, nets

__all__ = ["HOWS", "Coder", "Transfer", "TransformerNet", "nets", "transfer"]
