"""Views through a network in batches, so that an embedding does not depend on its neighbours.

On a CPU every batch has one fixed size (the last is filled up) and is computed by one thread; several batches run
beside each other. The arithmetic of an image is then the same in whatever company it comes and however many cores
there are: equal to the last bit on one machine. Splitting one batch over threads is slower, and changes the order of
sums. A GPU takes larger batches; there embeddings agree within 1e-4, and threads of the CPU prepare the next batches
meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import RunError
from hybridrad.features.deep.pooling import on_grid
from hybridrad.features.deep.weights import Preprocessing

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Images = Sequence[NDArray[np.float32]]
Embeddings = NDArray[np.float32]

# Four images fill the vector units and still fit the cache: 8 and more are slower for SqueezeNet and ResNets.
CPU_BATCH = 4
# A volume fills them alone.
CPU_BATCH_OF_VOLUMES = 1
# Beyond this the batches in flight need more memory than they save time.
_MOST_CPU_WORKERS = 16
# Batches that are prepared while a GPU is busy: enough that it never waits, few enough that memory is bounded.
_BATCHES_AHEAD = 3
PRECISIONS = ("fp32", "bf16")
_VIEWS_HINT = {
    "pictures": "Name a network for volumes (r3d_18, swin3d_t, ...), or views of slices.",
    "volumes": "Views('volume') makes them; or name a network for pictures.",
}


def embed(
    model: nn.Module,
    images: Images,
    preprocessing: Preprocessing,
    *,
    device: str,
    batch_size: int,
    on_departure: Callable[[str], None],
    on_batch_size: Callable[[int], None] | None = None,
    with_region: bool = False,
    precision: str = "fp32",
) -> Embeddings:
    """Return one embedding per image.

    Parameters
    ----------
    model : Module
        Network without classifier, in eval mode, on ``device``. Moved to the CPU if the GPU's memory does not suffice.
    images : sequence of arrays of shape (1 or 3, height, width) or (1 or 3, depth, height, width)
        Values 0..1; sizes may differ.
    preprocessing : Preprocessing
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
    batch_size : int
        Images per batch on a GPU. A CPU has a fixed size of its own.
    on_departure : callable
        Told in a sentence when memory forced a smaller batch or the CPU.
    on_batch_size : callable, optional
        Told the batch size that a GPU's memory sufficed for.
    with_region : bool
        Whether the last channel of the images is the region, which the network is given beside the three of a picture.
    precision : {"fp32", "bf16"}
        ``bf16``: matrix products and convolutions with 8 bits of mantissa; embeddings differ by a few parts in a
        hundred of their spread.

    Returns
    -------
    float32 ndarray of shape (n_images, width)
    """
    import torch

    make_input = partial(network_input, preprocessing=preprocessing, with_region=with_region)
    inputs = _Inputs(images, make_input)
    while device != "cpu" and batch_size >= 1:
        try:
            with exact_arithmetic(device, precision), torch.inference_mode():
                found = _embed_on_gpu(model, inputs, device=device, batch_size=batch_size)
            if on_batch_size is not None:
                on_batch_size(batch_size)
            return found
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            where = f"batches of {batch_size // 2}" if batch_size > 1 else "the CPU"
            on_departure(f"The memory of {device} did not suffice for a batch of {batch_size}; went on with {where}.")
            batch_size //= 2
    model.to("cpu")
    size = CPU_BATCH if preprocessing.depth is None else CPU_BATCH_OF_VOLUMES
    return _embed_on_cpu(model, inputs, precision, batch_size=size)


def network_input(image: NDArray[np.float32], preprocessing: Preprocessing, *, with_region: bool = False) -> Tensor:
    """Return a view as the network wants it: three channels, input size, normalised.

    Parameters
    ----------
    image : float32 ndarray of shape (1 or 3, height, width) or (1 or 3, depth, height, width), values 0..1
    preprocessing : Preprocessing
    with_region : bool
        Whether one more channel follows, the region; it comes back as fourth channel, resized by area.

    Returns
    -------
    float32 Tensor of shape (3, input_size, input_size), with ``depth`` before the two for a volume

    Raises
    ------
    RunError
        A picture for a network of volumes or the other way round, or a number of channels no network was trained on.

    Examples
    --------
    >>> expected = Preprocessing(2, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), interpolation="bilinear")
    >>> network_input(np.ones((1, 8, 8), np.float32), expected).unique().tolist()
    [1.0]
    """
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None]
    depth, side = preprocessing.depth, preprocessing.input_size
    wanted = (side, side) if depth is None else (depth, side, side)
    if tensor.ndim != 2 + len(wanted):
        takes, got = ("pictures", "volumes") if depth is None else ("volumes", "pictures")
        raise RunError(f"the network takes {takes} and the views are {got}.", hint=_VIEWS_HINT[takes])
    region = tensor[:, -1:] if with_region else None
    tensor = tensor[:, :-1] if with_region else tensor
    if tensor.shape[1] not in (1, 3):
        raise RunError(
            f"the views have {tensor.shape[1]} channels; networks take grey (1) or three.",
            hint="Show the region as one of three channels, or not at all.",
        )
    tensor = _resized(tensor, wanted, preprocessing.interpolation)
    # Bicubic resizing overshoots; what lies outside 0..1 was in no picture the network has seen.
    tensor = tensor.clamp(0.0, 1.0).expand(1, 3, *wanted)
    mean, std = (
        torch.tensor(values, dtype=torch.float32).view(3, *[1] * len(wanted))
        for values in (preprocessing.mean, preprocessing.std)
    )
    normalised = (tensor[0] - mean) / std
    return normalised if region is None else torch.cat([normalised, on_grid(region, wanted)[0]])


def _resized(tensor: Tensor, size: tuple[int, ...], interpolation: str) -> Tensor:
    """Resize pictures or volumes with antialiasing; a volume first slice by slice, then along the slices."""
    import torch

    def resize(pictures: Tensor, to: tuple[int, int], how: str) -> Tensor:
        if tuple(pictures.shape[-2:]) == to:
            return pictures
        return torch.nn.functional.interpolate(pictures, size=to, mode=how, align_corners=False, antialias=True)

    if len(size) == 2:
        return resize(tensor, (size[0], size[1]), interpolation)
    depth, height, width = size
    channels, n_slices = tensor.shape[1], tensor.shape[2]
    planes = resize(tensor.reshape(channels * n_slices, 1, *tensor.shape[3:]), (height, width), interpolation)
    stacked = planes.reshape(1, channels, n_slices, height * width)
    return resize(stacked, (depth, height * width), "bilinear").reshape(1, channels, depth, height, width)


@contextmanager
def exact_arithmetic(device: str, precision: str = "fp32") -> Iterator[None]:
    """Compute in the declared precision and with fixed algorithms, and leave torch's global flags as they were."""
    import torch

    backends: Any = torch.backends
    on_gpu = device != "cpu"
    switches: list[tuple[Any, str, Any]] = []
    if hasattr(backends.cuda.matmul, "fp32_precision"):  # torch 2.9 and later
        places = (
            [backends.cuda.matmul, backends.cudnn.conv] if on_gpu else [backends.mkldnn.matmul, backends.mkldnn.conv]
        )
        switches += [(place, "fp32_precision", "ieee") for place in places]
    elif on_gpu:
        switches += [(backends.cuda.matmul, "allow_tf32", False), (backends.cudnn, "allow_tf32", False)]
    if on_gpu:
        switches += [(backends.cudnn, "deterministic", True), (backends.cudnn, "benchmark", False)]
    before = [getattr(place, name) for place, name, _ in switches]
    try:
        for place, name, wanted in switches:
            setattr(place, name, wanted)
        # Whatever a caller's autocast says: it would halve the precision.
        with _autocast(torch.device(device).type, precision):
            yield
    finally:
        for (place, name, _), value in zip(switches, before, strict=True):
            setattr(place, name, value)


class _Inputs:
    """Inputs of a network, made from views when they are asked for."""

    def __init__(self, images: Images, make: Callable[[NDArray[np.float32]], Tensor]) -> None:
        self.images, self.make = images, make

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, start: int, stop: int) -> Tensor:
        import torch

        return torch.stack([self.make(image) for image in self.images[start:stop]])


def _autocast(device_type: str, precision: str) -> Any:
    import torch

    return torch.autocast(device_type, dtype=torch.bfloat16, enabled=precision == "bf16")


def _embed_on_gpu(model: nn.Module, inputs: _Inputs, *, device: str, batch_size: int) -> Embeddings:
    import torch

    def one(position: int) -> Tensor:
        with torch.inference_mode():
            return inputs.batch(position, position + 1)

    def ask(start: int) -> list[Future[Tensor]]:
        return [pool.submit(one, position) for position in range(start, min(start + batch_size, len(inputs)))]

    done: list[Tensor] = []
    starts = deque(range(0, len(inputs), batch_size))
    n_threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(_MOST_CPU_WORKERS, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting = deque(ask(starts.popleft()) for _ in range(min(_BATCHES_AHEAD, len(starts))))
            while waiting:
                batch = torch.cat([made.result() for made in waiting.popleft()])
                if starts:
                    waiting.append(ask(starts.popleft()))
                # Results stay on the GPU until all are there: fetching each would wait for it.
                done.append(_forward(model, batch.pin_memory().to(device, non_blocking=True)))
            return torch.cat(done).cpu().numpy()
    finally:
        torch.set_num_threads(n_threads)


def _embed_on_cpu(model: nn.Module, inputs: _Inputs, precision: str, *, batch_size: int) -> Embeddings:
    import torch

    def batch_from(start: int) -> Embeddings:
        # Inference mode and autocast belong to a thread, so they are set in each.
        with torch.inference_mode(), _autocast("cpu", precision):
            made = inputs.batch(start, start + batch_size)
            filling = torch.zeros((batch_size - len(made), *made.shape[1:]))
            return _forward(model, torch.cat([made, filling]))[: len(made)].numpy()

    starts = range(0, len(inputs), batch_size)
    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, len(starts), _MOST_CPU_WORKERS)
    try:
        # Each worker sets its own count: threads inherit it neither from the caller nor from each other.
        with (
            exact_arithmetic("cpu", precision),
            ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            return np.concatenate(list(pool.map(batch_from, starts)))
    finally:
        torch.set_num_threads(n_threads)


def _forward(model: nn.Module, batch: Tensor) -> Tensor:
    import torch

    layout = torch.channels_last if batch.ndim == 4 else torch.contiguous_format
    output: torch.Tensor = model(batch.contiguous(memory_format=layout))
    return output.float()
