"""Make lbp3d.json: what PyRadiomics 3.0.1 gives for LBP3D, in an environment whose SciPy still has sph_harm.

    python lbp3d.py > lbp3d.json

Made with SciPy 1.16, which is the last; PyRadiomics cannot compute LBP3D with later ones.
"""

import json
import logging
import sys

import numpy as np
import SimpleITK as sitk

SETTINGS = {
    "imageType": {"LBP3D": {"lbp3DLevels": 2, "lbp3DIcosphereRadius": 1.0, "lbp3DIcosphereSubdivision": 1}},
    "featureClass": {"firstorder": [], "glcm": [], "glrlm": [], "glszm": [], "gldm": [], "ngtdm": []},
    # The patterns are small numbers: a bin width of 25 would leave one grey level.
    "setting": {"binWidth": 0.5},
}


def volume() -> tuple[sitk.Image, sitk.Image]:
    """Return an image of whole numbers by a formula, the same everywhere, and a ball in it."""
    z, y, x = np.mgrid[0:14, 0:15, 0:16]
    values = (7 * x * x + 13 * y * z + 31 * z + 5 * x * y) % 97 + 3 * x
    inside = ((x - 8) ** 2 + (y - 7) ** 2 + (z - 7) ** 2 <= 20).astype(np.uint8)
    image, mask = sitk.GetImageFromArray(values.astype(np.int16)), sitk.GetImageFromArray(inside)
    for each in (image, mask):
        each.SetSpacing((1.0, 1.0, 1.5))
    return image, mask


if __name__ == "__main__":
    import scipy
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    row = RadiomicsFeatureExtractor(SETTINGS).execute(*volume())
    values = {name: float(value) for name, value in row.items() if not name.startswith("diagnostics")}
    made_with = {"scipy": scipy.__version__, "numpy": np.__version__, "pyradiomics": "3.0.1"}
    sys.stdout.write(json.dumps({"made_with": made_with, "features": values}, indent=1) + "\n")
