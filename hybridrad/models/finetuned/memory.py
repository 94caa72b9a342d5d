"""How many pictures are in a network at once: memory stays bounded, and is halved where it does not suffice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Result = TypeVar("Result")
_log = logging.getLogger(__name__)
FIRST_ON_GPU, FIRST_ON_CPU = 256, 32


class PicturesAtOnce:
    """The number of pictures that go through a network together on a device.

    Results do not hang on it but for rounding: features are computed picture by picture anyway, what follows sees all
    of them, and what was random in a step that is tried again is the same again.

    Parameters
    ----------
    device : str

    Attributes
    ----------
    n : int
        The number that memory sufficed for so far.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.n = self.first = FIRST_ON_CPU if device == "cpu" else FIRST_ON_GPU

    @property
    def findings(self) -> list[str]:
        """Return a sentence if memory did not suffice for the first number."""
        if self.n == self.first:
            return []
        return [
            "The memory of the device did not suffice, and pictures went through the network in smaller parts "
            f"({self.n} at once on {self.device}, not {self.first})."
        ]

    def attempt(self, action: Callable[[], Result]) -> Result:
        """Return what ``action`` returns; it is called again with half the pictures where memory does not suffice.

        Raises
        ------
        MemoryError
            It does not suffice for a single picture.
        """
        state = torch.get_rng_state()
        on_gpus = torch.cuda.get_rng_state_all() if self.device != "cpu" else []
        while True:
            try:
                return action()
            except torch.OutOfMemoryError as err:
                if self.n == 1:
                    raise MemoryError(
                        f"the memory of {self.device} does not suffice for one picture at a time; prepare views with a "
                        "smaller input_px, take a smaller network, or device='cpu'."
                    ) from err
            # Out of the except block: the exception held what had been computed.
            self.n //= 2
            _log.warning("The memory of %s did not suffice; %d pictures at once from now on.", self.device, self.n)
            torch.set_rng_state(state)
            if on_gpus:
                torch.cuda.empty_cache()
                torch.cuda.set_rng_state_all(on_gpus)

    def through(self, features: Callable[[Tensor], Tensor], pictures: Tensor, anchor: Tensor) -> Tensor:
        """Return the features of pictures, part by part; where they are to be trained, parts are computed again then.

        Without gradients nothing of a part is kept but its features. With gradients, what a part left behind would grow
        with the number of parts, so it is dropped and made again in the backward pass: the same gradients, for a third
        more time.

        Parameters
        ----------
        features : callable
            Of a part, on the device.
        pictures : Tensor of shape (n, channels, side, side)
            On any device.
        anchor : Tensor
            Something on the device; tells whose random numbers belong to a part.
        """

        def of_part(part: Tensor, anchor: Tensor) -> Tensor:
            return features(part.to(anchor.device, non_blocking=True))

        parts = pictures.split(self.n)
        if len(parts) == 1 or not torch.is_grad_enabled():
            return torch.cat([of_part(part, anchor) for part in parts])
        return torch.cat([checkpoint(of_part, part, anchor, use_reentrant=False) for part in parts])
