"""Random changes of the pictures a network is trained on: flips, turns, scale, shift, intensity, noise."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, asdict, dataclass
from typing import TYPE_CHECKING, Any

from hybridrad._checks import check_choice

if TYPE_CHECKING:
    from torch import Tensor

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

    def apply(self, pictures: Tensor, *, shows_region: bool = False, together: bool = False) -> Tensor:
        """Return changed pictures; random numbers come from torch's generator, which the caller has seeded.

        Parameters
        ----------
        pictures : float32 Tensor of shape (n, channels, side, side), values 0..1
        shows_region : bool
            Whether the last channel is the region: it moves with the picture and keeps its values.
        together : bool
            Whether all pictures get the same movement and the same change of intensity; noise is drawn for each.

        Returns
        -------
        Tensor of the same shape, values 0..1
        """
        import torch

        moved, changed = self._movement(int(pictures.shape[-1])), self._change_of_values()

        def alike(some: Tensor) -> Tensor:
            some = moved(some)
            if not shows_region:
                return changed(some)
            # The channels before the region are the same grey picture.
            grey = changed(some[:, :1])
            return torch.cat([grey.expand(-1, some.shape[1] - 1, -1, -1), some[:, -1:]], dim=1)

        # A transform draws its numbers once for a whole batch.
        return torch.cat([alike(some) for some in ([pictures] if together else pictures.split(1))]).clamp(0.0, 1.0)

    def _movement(self, side: int) -> Any:
        from torchvision.transforms import InterpolationMode, v2

        steps: list[Any] = []
        if self.flip in ("horizontal", "both"):
            steps.append(v2.RandomHorizontalFlip())
        if self.flip == "both":
            steps.append(v2.RandomVerticalFlip())
        if self.rotation_deg or self.scale or self.shift:
            # Room for what the turned, moved or shrunk square would show from beyond its border.
            turned = min(self.rotation_deg, 45.0) * math.pi / 180
            reach = (math.cos(turned) + math.sin(turned)) / (1.0 - self.scale) / 2 - 0.5 + self.shift
            border = min(math.ceil(reach * side), side - 1)
            steps += [
                v2.Pad(border, padding_mode="reflect"),
                v2.RandomAffine(
                    degrees=self.rotation_deg,
                    translate=(self.shift * side / (side + 2 * border),) * 2,
                    scale=(1.0 - self.scale, 1.0 + self.scale),
                    interpolation=InterpolationMode.BILINEAR,
                ),
                v2.CenterCrop(side),
            ]
        return v2.Compose([*steps, v2.Identity()])

    def _change_of_values(self) -> Any:
        import torch
        from torchvision.transforms import v2

        steps: list[Any] = []
        if self.intensity:
            steps.append(v2.ColorJitter(brightness=self.intensity, contrast=self.intensity))
        if self.noise_sd:
            steps.append(v2.Lambda(lambda picture: picture + self.noise_sd * torch.randn_like(picture)))
        return v2.Compose([*steps, v2.Identity()])
