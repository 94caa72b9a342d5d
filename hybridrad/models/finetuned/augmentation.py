"""Random changes of the pictures a network is trained on: flips, turns, scale, shift, intensity, noise."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, asdict, dataclass
from typing import TYPE_CHECKING, Any

from hybridrad._checks import check_choice

if TYPE_CHECKING:
    from torch import Generator, Tensor

FLIPS = ("none", "horizontal", "both")


@dataclass(frozen=True)
class Augmentation:
    """What is varied at random in every picture of a training step, by ``torchvision.transforms.v2``.

    Parameters
    ----------
    flip : {"none", "horizontal", "both"}
        Left-right, and up-down too.
    rotation_deg : float
        Turned by up to this, both ways.
    scale : float
        Enlarged or shrunk by up to this share.
    shift : float
        Moved by up to this share of the side, as if the region had been drawn a little beside.
    intensity : float
        Brightness and contrast changed by up to this share.
    noise_sd : float
        Standard deviation of Gaussian noise on values 0..1.

    Notes
    -----
    All views of a case get changes of their own, but slices of one volume (kind ``slices``) are moved and brightened
    alike, so that a network that reads them in their order sees a volume; their noise is their own. What enters the
    picture from outside is its mirror image. A scale that is not 0 blurs sizes by this share where the views keep them.

    Examples
    --------
    >>> Augmentation(flip="both", rotation_deg=30).describe()["rotation_deg"]
    30
    """

    flip: str = "horizontal"
    _: KW_ONLY
    rotation_deg: float = 10.0
    scale: float = 0.1
    shift: float = 0.05
    intensity: float = 0.1
    noise_sd: float = 0.02

    def __post_init__(self) -> None:
        check_choice(self.flip, FLIPS, name="flip")
        highest = {"rotation_deg": 180.0, "scale": 0.9, "shift": 0.5, "intensity": 1.0, "noise_sd": 1.0}
        for name, limit in highest.items():
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise ValueError(f"{name} must lie between 0 and {limit}, got {value!r}.")

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)

    def apply(
        self,
        pictures: Tensor,
        *,
        shows_region: bool = False,
        together: bool = False,
        generator: Generator | None = None,
    ) -> Tensor:
        """Return changed pictures.

        Parameters
        ----------
        pictures : float32 Tensor of shape (n, channels, side, side), values 0..1
        shows_region : bool
            Whether the last channel is the region: it moves with the picture and keeps its values.
        together : bool
            Whether all pictures get the same movement and the same change of intensity; noise is drawn for each.
        generator : torch.Generator, optional
            Gives the random numbers; default torch's own, which the caller has seeded.

        Returns
        -------
        Tensor of the same shape, values 0..1
        """
        import torch

        def alike(some: Tensor) -> Tensor:
            some = self._moved(some, generator)
            if not shows_region:
                return self._changed(some, generator)
            # The channels before the region are the same grey picture.
            grey = self._changed(some[:, :1], generator)
            return torch.cat([grey.expand(-1, some.shape[1] - 1, -1, -1), some[:, -1:]], dim=1)

        # Numbers are drawn once for all pictures of a batch.
        return torch.cat([alike(some) for some in ([pictures] if together else pictures.split(1))]).clamp(0.0, 1.0)

    # What torchvision's transforms of these names do, with a generator, which they do not take.

    def _moved(self, some: Tensor, generator: Generator | None) -> Tensor:
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms.v2 import functional

        side = int(some.shape[-1])
        if self.flip in ("horizontal", "both") and _heads(generator):
            some = functional.horizontal_flip(some)
        if self.flip == "both" and _heads(generator):
            some = functional.vertical_flip(some)
        if not (self.rotation_deg or self.scale or self.shift):
            return some
        # Room for what the turned, moved or shrunk square would show from beyond its border.
        turned = min(self.rotation_deg, 45.0) * math.pi / 180
        reach = (math.cos(turned) + math.sin(turned)) / (1.0 - self.scale) / 2 - 0.5 + self.shift
        border = min(math.ceil(reach * side), side - 1)
        padded_side = side + 2 * border
        farthest = self.shift * side / padded_side * padded_side  # as RandomAffine rounds it
        angle = _between(-self.rotation_deg, self.rotation_deg, generator)
        moved = [round(_between(-farthest, farthest, generator)) for _ in range(2)]
        scale = _between(1.0 - self.scale, 1.0 + self.scale, generator)
        padded = functional.pad(some, [border], padding_mode="reflect")
        turned_about = functional.affine(
            padded, angle, moved, scale, [0.0, 0.0], interpolation=InterpolationMode.BILINEAR, fill=0
        )
        return functional.center_crop(turned_about, [side, side])

    def _changed(self, some: Tensor, generator: Generator | None) -> Tensor:
        import torch
        from torchvision.transforms.v2 import functional

        if self.intensity:
            lowest, highest = max(0.0, 1.0 - self.intensity), 1.0 + self.intensity
            # Of four changes that it could make, ColorJitter draws the order; two are those of colour.
            order = torch.randperm(4, generator=generator).tolist()
            brightness, contrast = (_between(lowest, highest, generator) for _ in range(2))
            for which in order:
                if which == 0:
                    some = functional.adjust_brightness(some, brightness)
                elif which == 1:
                    some = functional.adjust_contrast(some, contrast)
        if self.noise_sd:
            some = some + self.noise_sd * torch.empty_like(some).normal_(generator=generator)
        return some


def _heads(generator: Generator | None) -> bool:
    import torch

    return bool(torch.rand(1, generator=generator) < 0.5)


def _between(low: float, high: float, generator: Generator | None) -> float:
    import torch

    return float(torch.empty(1).uniform_(low, high, generator=generator))
