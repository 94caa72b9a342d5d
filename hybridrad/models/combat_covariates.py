"""What ComBat must not take away: clinical covariates as columns of its design, and never the outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.errors import RunError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CovariateCoding:
    """How covariates become numbers: numbers as they are, words as indicators of all levels but the first.

    ``levels`` holds the levels of training cases for each covariate in words, None for a numeric one.
    """

    levels: dict[str, tuple[str, ...] | None]

    @classmethod
    def of(cls, table: pd.DataFrame) -> CovariateCoding:
        """Learn the levels from the training cases.

        Examples
        --------
        >>> coding = CovariateCoding.of(pd.DataFrame({"age": [50, 60, 70], "sex": ["m", "f", "m"]}))
        >>> coding.levels
        {'age': None, 'sex': ('f', 'm')}
        """
        return cls(
            {
                str(name): None if _is_numeric(column) else tuple(sorted(set(column.dropna().map(str))))
                for name, column in table.items()
            }
        )

    def design(self, table: pd.DataFrame) -> Array:
        """Return the columns of the design, shape (n_cases, n_columns).

        Raises
        ------
        RunError
            A value is missing, or a word was not among the training cases.
        """
        columns = []
        for name, levels in self.levels.items():
            column = table[name]
            if column.isna().any():
                case = column.index[column.isna()][0]
                raise RunError(
                    f"ComBat: covariate {name!r} is missing for {int(column.isna().sum())} cases, the first {case!r}.",
                    hint="Fill it in, leave these cases out, or do not preserve this covariate.",
                )
            if levels is None:
                columns.append(column.to_numpy(dtype=float))
                continue
            words = column.map(str)
            unknown = sorted(set(words) - set(levels))
            if unknown:
                raise RunError(
                    f"ComBat: covariate {name!r} is {unknown[0]!r} for case {words.index[words == unknown[0]][0]!r}; "
                    f"in training it was one of {list(levels)}.",
                    hint="Join rare levels before the comparison.",
                )
            columns += [(words == level).to_numpy(dtype=float) for level in levels[1:]]
        return np.column_stack(columns) if columns else np.zeros((len(table), 0))


def refuse_the_outcome(table: pd.DataFrame, y: ArrayLike) -> None:
    """Raise ``RunError`` where a covariate says the label: ComBat would write it into the features.

    Refused are covariates that are the label under other names (every value goes with one label and every label with
    one value) and numbers that are the outcome up to scale and sign.

    Examples
    --------
    >>> refuse_the_outcome(pd.DataFrame({"dead": ["no", "yes", "no"]}), [0, 1, 0])
    Traceback (most recent call last):
    ...
    hybridrad.errors.RunError: ComBat: covariate 'dead' is the outcome. ...
    """
    outcome = pd.Series(np.asarray(y), index=table.index)
    for name, column in table.items():
        if _renamed(column, outcome) or _on_a_line(column, outcome):
            raise RunError(
                f"ComBat: covariate {name!r} is the outcome.",
                hint="Harmonisation that knows the labels writes them into the features; preserve other covariates.",
            )


def _renamed(column: pd.Series, outcome: pd.Series) -> bool:
    """Return whether values and outcomes go in pairs; where all differ from case to case, they always do."""
    pairs = pd.DataFrame({"covariate": column, "outcome": outcome}).dropna().drop_duplicates()
    if not 1 < len(pairs) < len(outcome):
        return False
    return not pairs["covariate"].duplicated().any() and not pairs["outcome"].duplicated().any()


def _on_a_line(column: pd.Series, outcome: pd.Series) -> bool:
    if not (_is_numeric(column) and _is_numeric(outcome)):
        return False
    known = pd.DataFrame({"covariate": column, "outcome": outcome}).dropna().to_numpy(dtype=float)
    if len(known) < 3 or (np.ptp(known, axis=0) == 0).any():
        return False
    return bool(abs(np.corrcoef(known.T)[0, 1]) > 1 - 1e-9)


def _is_numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))
