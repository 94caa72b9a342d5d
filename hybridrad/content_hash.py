"""A hash of the content of an object, files that it only names included."""

from __future__ import annotations

import io
import pickle
from typing import Any

import joblib


def content_hash(thing: Any) -> str:
    """Return a hash of everything an object is made of.

    What an object keeps in a file it only names (weights, pictures), or decides on the machine it runs on, is not in
    its attributes. A class that has such things says them by a method ``content_digest() -> str``; it is asked wherever
    an instance of it stands inside ``thing``.

    Parameters
    ----------
    thing : object
        Anything that can be pickled.

    Raises
    ------
    pickle.PicklingError, TypeError, AttributeError
        Something in it has no content, such as a lambda or an open file.

    Examples
    --------
    >>> content_hash({"a": [1, 2]}) == content_hash({"a": [1, 2]})
    True
    """
    own = str(joblib.hash(thing))
    seeker = _Seeker()
    seeker.dump(thing)
    return str(joblib.hash([own, *seeker.digests])) if seeker.digests else own


class _Seeker(pickle.Pickler):
    """Walks through an object as pickle does and collects what its parts say of content outside of them."""

    def __init__(self) -> None:
        # Arrays stay where they are: their content is in the hash already.
        super().__init__(io.BytesIO(), protocol=5, buffer_callback=lambda buffer: None)
        self.digests: list[str] = []

    def persistent_id(self, part: Any) -> None:
        if hasattr(type(part), "content_digest"):
            self.digests.append(part.content_digest())
