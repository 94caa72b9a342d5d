"""A hash of the content of an object, files that it only names included."""

from __future__ import annotations

from typing import Any

from joblib.hashing import NumpyHasher


def content_hash(thing: Any) -> str:
    """Return a hash of everything an object is made of.

    What an object keeps in a file it only names (weights, pictures), or decides on the machine it runs on, is not in
    its attributes. A class that has such things says them by a method ``content_digest() -> str``, which counts beside
    the attributes; one whose attributes differ between equals says all that counts by ``content_state()``, which takes
    their place. They are asked wherever an instance stands inside ``thing``.

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
    return str(_Hasher(hash_name="md5").hash(thing))


class _Hasher(NumpyHasher):
    """The hasher behind ``joblib.hash``, which asks the parts of an object for content outside of them."""

    def reducer_override(self, part: Any) -> Any:
        kind = type(part)
        if hasattr(kind, "content_state"):
            return tuple, ([kind.__qualname__, part.content_state()],)
        if hasattr(kind, "content_digest"):
            return tuple, ([kind.__qualname__, part.__getstate__(), part.content_digest()],)
        return NotImplemented
