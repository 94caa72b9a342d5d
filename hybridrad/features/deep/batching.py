"""Views through a network in batches, so that an embedding does not depend on its neighbours.

On a CPU every batch has one fixed size (the last is filled up) and is computed by one thread; several batches run
beside each other. The arithmetic of an image is then the same in whatever company it comes and however many cores
there are: equal to the last bit on one machine. Splitting one batch over threads is slower, and changes the order of
sums. A GPU takes larger batches; there embeddings agree within 1e-4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.deep.weights import Preprocessing

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Images = Sequence[NDArray[np.float32]]
Embeddings = NDArray[np.float32]

# Four images fill the vector units and still fit the cache: 8 and more are slower for SqueezeNet and ResNets.
CPU_BATCH = 4
# Beyond this the batches in flight need more memory than they save time.
_MOST_CPU_WORKERS = 16


def embed(
    model: nn.Module,
    images: Images,
    preprocessing: Preprocessing,
    *,
    device: str,
    batch_size: int,
    on_departure: Callable[[str], None],
) -> Embeddings:
    """Return one embedding per image.

    Parameters
    ----------
    model : Module
        Network without classifier, in eval mode, on ``device``. Moved to the CPU if the GPU's memory does not suffice.
    images : sequence of arrays of shape (1 or 3, height, width)
        Values 0..1; sizes may differ.
    preprocessing : Preprocessing
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
    batch_size : int
        Images per batch on a GPU. A CPU has a fixed size of its own.
    on_departure : callable
        Told in a sentence when memory forced a smaller batch or the CPU.

    Returns
    -------
    float32 ndarray of shape (n_images, width)
    """
    import torch

    while device != "cpu" and batch_size >= 1:
        try:
            with exact_arithmetic(device), torch.inference_mode():
                return _embed_on_gpu(model, images, preprocessing, device=device, batch_size=batch_size)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            where = f"batches of {batch_size // 2}" if batch_size > 1 else "the CPU"
            on_departure(f"The memory of {device} did not suffice for a batch of {batch_size}; went on with {where}.")
            batch_size //= 2
    model.to("cpu")
    return _embed_on_cpu(model, images, preprocessing)


def network_input(image: NDArray[np.float32], preprocessing: Preprocessing) -> Tensor:
    """Return a view as the network wants it: three channels, input size, normalised.

    Parameters
    ----------
    image : float32 ndarray of shape (1 or 3, height, width), values 0..1
    preprocessing : Preprocessing

    Returns
    -------
    float32 Tensor of shape (3, input_size, input_size)

    Examples
    --------
    >>> expected = Preprocessing(2, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), interpolation="bilinear")
    >>> network_input(np.ones((1, 8, 8), np.float32), expected).unique().tolist()
    [1.0]
    """
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None]
    size = (preprocessing.input_size, preprocessing.input_size)
    if tuple(tensor.shape[-2:]) != size:
        tensor = torch.nn.functional.interpolate(
            tensor, size=size, mode=preprocessing.interpolation, align_corners=False, antialias=True
        )
    # Bicubic resizing overshoots; what lies outside 0..1 was in no picture the network has seen.
    tensor = tensor.clamp(0.0, 1.0).expand(1, 3, *size)
    mean, std = (
        torch.tensor(values, dtype=torch.float32).view(3, 1, 1) for values in (preprocessing.mean, preprocessing.std)
    )
    return (tensor[0] - mean) / std


@contextmanager
def exact_arithmetic(device: str) -> Iterator[None]:
    """Compute in plain float32 and with fixed algorithms, and leave torch's global flags as they were."""
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
        # A caller's autocast would halve the precision.
        with torch.autocast(torch.device(device).type, enabled=False):
            yield
    finally:
        for (place, name, _), value in zip(switches, before, strict=True):
            setattr(place, name, value)


def _embed_on_gpu(
    model: nn.Module, images: Images, preprocessing: Preprocessing, *, device: str, batch_size: int
) -> Embeddings:
    import torch

    done = []
    for start in range(0, len(images), batch_size):
        batch = torch.stack([network_input(image, preprocessing) for image in images[start : start + batch_size]])
        done.append(_forward(model, batch.to(device)).cpu().numpy())
    return np.concatenate(done)


def _embed_on_cpu(model: nn.Module, images: Images, preprocessing: Preprocessing) -> Embeddings:
    import torch

    def batch_from(start: int) -> Embeddings:
        # Inference mode and autocast belong to a thread, so they are set in each.
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            inputs = [network_input(image, preprocessing) for image in images[start : start + CPU_BATCH]]
            filling = [torch.zeros_like(inputs[0])] * (CPU_BATCH - len(inputs))
            return _forward(model, torch.stack([*inputs, *filling]))[: len(inputs)].numpy()

    starts = range(0, len(images), CPU_BATCH)
    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, len(starts), _MOST_CPU_WORKERS)
    try:
        # Each worker sets its own count: threads inherit it neither from the caller nor from each other.
        with (
            exact_arithmetic("cpu"),
            ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            return np.concatenate(list(pool.map(batch_from, starts)))
    finally:
        torch.set_num_threads(n_threads)


def _forward(model: nn.Module, batch: Tensor) -> Tensor:
    import torch

    output: torch.Tensor = model(batch.contiguous(memory_format=torch.channels_last))
    return output.float()
