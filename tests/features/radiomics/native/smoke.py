"""Call each kernel of an installed wheel once, with NumPy and nothing else; run by the wheel build, not by pytest.

The module is loaded by its file: its package asks for more than a wheel's test should have to install.
"""

import importlib.metadata
import importlib.util

import numpy as np


def main():
    files = importlib.metadata.files("hybridrad") or []
    found = [file for file in files if file.name.startswith("_kernels.")]
    assert len(found) == 1, f"one compiled module expected, found {found}"
    spec = importlib.util.spec_from_file_location("_kernels", found[0].locate())
    kernels = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernels)

    levels = np.random.default_rng(0).integers(0, 5, size=(6, 7, 8)).astype(np.int32)
    offset = np.array([[0, 0, 1]], dtype=np.int32)
    texture = kernels.texture_features(
        levels,
        4,
        pairs=offset,
        neighbours=np.concatenate([offset, -offset]),
        adjacent=offset,
        pair_weights=[],
        run_weights=[],
        symmetrical=True,
        tolerance=0,
        classes=["glcm", "glrlm", "glszm", "gldm", "ngtdm"],
    )
    assert all(np.isfinite(values).all() for values in texture.values())
    edges = np.array([0.0, 1.0, 2.0])
    assert kernels.digitize(np.array([0.5, 1.0]), edges).tolist() == [1, 2]
    assert kernels.first_order(edges, 0.0)[2] == 1.0
    assert kernels.shape_sums((levels > 0).astype(np.uint8), 1.0, 1.0, 1.0)["n_voxels"] == np.count_nonzero(levels)
    assert kernels.recursive_filter(np.zeros((3, 4, 5)), 2, 1, 4, np.zeros((5, 4))).shape == (3, 4, 3)


if __name__ == "__main__":
    main()
