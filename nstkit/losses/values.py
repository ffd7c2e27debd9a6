"""`Losses`: what an objective reports for one picture."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Number = Tensor | float
Key = tuple[str, str]  # term, layer


@dataclass(frozen=True)
class Losses:
    """The losses of one picture, as scalars that carry gradients, or as floats.

    A term of weight 0 is absent: nothing of it is computed.

    Attributes:
        total: what is minimized, the sum of ``terms``.
        values: {term: its loss without its weight}, such as "content" for L_content: the sum over
            layers of layer weight times distance.
        coefficients: {term: its weight}, such as beta for "style".
        per_layer: {(term, layer): distance without any weight}. A term that reads pixels alone has
            the layer "image".
        in_force: all weights, of terms and layers, under which the losses were computed. The loop
            compares it to see whether they change; None if they cannot.
    """

    total: Number
    values: Mapping[str, Number] = field(default_factory=dict)
    coefficients: Mapping[str, float] = field(default_factory=dict)
    per_layer: Mapping[Key, Number] = field(default_factory=dict)
    in_force: Hashable = None

    @property
    def terms(self) -> dict[str, Number]:
        """What each term contributes to the total: weight times value."""
        return {name: self.coefficients[name] * value for name, value in self.values.items()}

    @property
    def content(self) -> Number:
        """L_content, without alpha."""
        return self.value("content")

    @property
    def style(self) -> Number:
        """L_style, without beta."""
        return self.value("style")

    @property
    def variation(self) -> Number:
        """The total variation, without its weight."""
        return self.value("variation")

    def value(self, term: str) -> Number:
        """Return a term's loss without its weight.

        Raises:
            ValueError: The term is absent.
        """
        if term not in self.values:
            raise ValueError(
                f"There is no loss of the term {term!r}: it is absent, or its weight is 0. Terms "
                f"with a loss: {', '.join(self.values) or 'none'}."
            )
        return self.values[term]

    def floats(self) -> Losses:
        """Return the same with Python floats, fetched from the device in one transfer."""
        if not isinstance(self.total, Tensor):
            return self
        scalars = [self.total, *self.values.values(), *self.per_layer.values()]
        stacked = torch.stack(
            [torch.as_tensor(s, device=self.total.device).detach() for s in scalars]
        )
        total, *rest = stacked.tolist()
        values = dict(zip(self.values, rest, strict=False))
        per_layer = dict(zip(self.per_layer, rest[len(values) :], strict=True))
        return Losses(total, values, self.coefficients, per_layer, self.in_force)
