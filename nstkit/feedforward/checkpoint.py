"""The state of a training run as one file, from which it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nstkit.files import write_whole

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """What a training run needs to go on as if it had not stopped.

    Attributes:
        index: how many updates there were.
        seconds: spent on them.
        best_total: the held-out loss of the best network.
        tensors: "net.", "best." and "adam." before the names of weights, all float32.
    """

    index: int
    seconds: float
    best_total: float
    tensors: Weights

    @classmethod
    def of(
        cls, index: int, seconds: float, best_total: float, net: nn.Module, best: nn.Module,
        optimizer: torch.optim.Adam,
    ) -> Checkpoint:  # fmt: skip
        """Return the state of a run."""
        tensors = _named("net", net.state_dict()) | _named("best", best.state_dict())
        for number, kept in optimizer.state_dict()["state"].items():
            tensors |= _named(f"adam.{number}", kept)
        return cls(index, seconds, best_total, tensors)

    def restore(self, net: nn.Module, best: nn.Module, optimizer: torch.optim.Adam) -> None:
        """Give networks and optimizer the state that was kept."""
        net.load_state_dict(self._under("net"))
        best.load_state_dict(self._under("best"))
        adam: dict[int, dict[str, Tensor]] = {}
        for name, tensor in self._under("adam").items():
            number, kind = name.split(".")
            adam.setdefault(int(number), {})[kind] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": adam})

    def write(self, path: Path, settings: Mapping[str, object]) -> None:
        """Write a .safetensors file, completely or not at all.

        Args:
            path: where to.
            settings: of the run, as plain data; `read` compares them.
        """
        from safetensors.torch import save  # here, so that importing nstkit stays light

        numbers = {"index": self.index, "seconds": self.seconds, "best_total": self.best_total}
        metadata = {"numbers": json.dumps(numbers), "settings": _text(settings)}
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.tensors.items()}
        write_whole(path, save(tensors, metadata=metadata))

    @classmethod
    def read(cls, path: Path, settings: Mapping[str, object]) -> Checkpoint:
        """Return what `write` wrote.

        Raises:
            ValueError: It is no checkpoint, or one of a run with other settings.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            numbers, found = json.loads(metadata["numbers"]), json.loads(metadata["settings"])
        except (SafetensorError, KeyError) as error:
            raise ValueError(
                f"{path} is no checkpoint of a training run ({error!r}); name a new file."
            ) from error
        now = json.loads(_text(settings))
        if other := [name for name in now if found.get(name) != now[name]]:
            told = [_changed(name, found.get(name), now[name]) for name in other]
            raise ValueError(
                f"{path} is of a run with other settings: {', '.join(told)}. Use the same, or name "
                "a new file."
            )
        return cls(**numbers, tensors=tensors)

    def _under(self, prefix: str) -> dict[str, Tensor]:
        start = prefix + "."
        return {n.removeprefix(start): t for n, t in self.tensors.items() if n.startswith(start)}


def _named(prefix: str, tensors: Weights) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _changed(name: str, there: object, now: object) -> str:
    """Return the name of a setting, with both values where they are numbers."""
    numbers = isinstance(there, int | float) and isinstance(now, int | float)
    return f"{name} ({there:g} there, {now:g} now)" if numbers else name


def _text(settings: Mapping[str, object]) -> str:
    return json.dumps(settings, sort_keys=True)
