"""From the features of several views or slices of a case to one row: plain pooling, recurrent layers, attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

PLAIN = ("mean", "max", "concat")
RECURRENT = ("lstm", "gru")


@dataclass(frozen=True)
class PoolingPlan:
    """Which pooling, how wide its hidden layer is, and how many views a case must have (``concat``)."""

    kind: str
    hidden: int = 32
    n_views: int | None = None

    @property
    def learns(self) -> bool:
        """Whether the pooling has parameters."""
        return self.kind not in PLAIN

    def build(self, width: int) -> Pooling:
        """Return the layer for features of the given width."""
        if self.kind in RECURRENT:
            return RecurrentPooling(self.kind, width, self.hidden)
        if self.kind == "attention":
            return GatedAttention(width, self.hidden)
        return PlainPooling(self.kind, width, self.n_views or 1)


class Pooling(nn.Module):
    """Turn features (all views of all cases, one after the other) and views per case into one row per case."""

    out_width: int


class PlainPooling(Pooling):
    """Mean, maximum or concatenation of the views of each case.

    Examples
    --------
    >>> features = torch.tensor([[1.0], [3.0], [5.0]])
    >>> PlainPooling("mean", 1, 1)(features, [2, 1]).tolist()
    [[2.0], [5.0]]
    """

    def __init__(self, kind: str, width: int, n_views: int) -> None:
        super().__init__()
        self.kind = kind
        self.out_width = width * n_views if kind == "concat" else width

    def forward(self, features: Tensor, lengths: list[int]) -> Tensor:
        """Return one row per case."""
        parts = features.split(lengths)
        if self.kind == "mean":
            return torch.stack([part.mean(dim=0) for part in parts])
        if self.kind == "max":
            return torch.stack([part.amax(dim=0) for part in parts])
        return torch.stack([part.flatten() for part in parts])


class RecurrentPooling(Pooling):
    """LSTM or GRU over the slices in their order, in both directions; the mean of its outputs over the slices."""

    def __init__(self, kind: str, width: int, hidden: int) -> None:
        super().__init__()
        layer = nn.LSTM if kind == "lstm" else nn.GRU
        self.layer = layer(width, hidden, batch_first=True, bidirectional=True)
        for name, weights in self.layer.named_parameters():
            if name.startswith("weight_ih"):
                # The usual start looks at the hidden size alone and saturates with hundreds of inputs.
                nn.init.xavier_uniform_(weights)
        self.out_width = 2 * hidden

    def forward(self, features: Tensor, lengths: list[int]) -> Tensor:
        """Return one row per case."""
        padded = pad_sequence(list(features.split(lengths)), batch_first=True)
        packed = pack_padded_sequence(padded, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        outputs = self.layer(packed)[0]
        unpacked = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)[0]
        # Padding is zero, so the sum is that of the slices.
        return unpacked.sum(dim=1) / torch.tensor(lengths, device=features.device)[:, None]


class GatedAttention(Pooling):
    """Weighted mean of the slices; their weights come from the features through a gated layer.

    References
    ----------
    Ilse, Tomczak & Welling, ICML 2018, arXiv:1802.04712.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.content = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        self.weight = nn.Linear(hidden, 1)
        self.out_width = width

    def forward(self, features: Tensor, lengths: list[int]) -> Tensor:
        """Return one row per case."""
        parts = features.split(lengths)
        return torch.stack(
            [(part * w).sum(dim=0) for part, w in zip(parts, self.attention(features, lengths), strict=True)]
        )

    def attention(self, features: Tensor, lengths: list[int]) -> list[Tensor]:
        """Return the weights of the slices of each case, (n_slices, 1), with sum 1."""
        scores = self.weight(torch.tanh(self.content(features)) * torch.sigmoid(self.gate(features)))
        return [torch.softmax(part, dim=0) for part in scores.split(lengths)]
