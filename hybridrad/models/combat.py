"""ComBat: bring features of several sites to one location and scale, learned from the training rows of the fold."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_choice
from hybridrad.errors import RunError
from hybridrad.features.blocks import BlockSpec
from hybridrad.models.combat_covariates import CovariateCoding, refuse_the_outcome
from hybridrad.models.combat_model import CombatFit, apply_combat, covariates_apart_from_sites, fit_combat
from hybridrad.models.redundancy import blocks_or_one

Array = NDArray[np.float64]

NO_SITE = ""


class ComBat(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Remove differences in mean and variance between sites, column by column, with priors shared by a block.

    The sites of training and test cases come from ``site`` (case id -> site) or are passed as ``site=`` to ``fit`` and
    ``transform`` (metadata routing requests them). Labels are never used: a ComBat that knows them writes them into the
    features. Whether sites and labels are linked is asked by `site_label_association`.

    Parameters
    ----------
    site : Series or dict, optional
        Case id -> site; the table then needs case ids as its index.
    empirical_bayes : bool, default True
        Shrink each column's shift and scale towards those of the block's other columns.
    mean_only : bool, default False
        Shift only, for sites with few cases.
    reference : str, optional
        Site to which the others are brought; it stays as it is. Default: the mean of all.
    unseen : {"error", "reference"}, default "error"
        What happens at prediction to a site that was not in training: refused, or left as it is, as if measured at the
        reference site (needs ``reference``). Estimating it from the test cases would make a prediction depend on
        the company it comes in.
    blocks : None, list of str, or dict
        Blocks to harmonise, each with priors of its own; columns of no block are left as they are. ``None`` takes every
        block found by column prefix, and a table whose columns have no prefixes as one block.
    covariates : DataFrame or list of str, optional
        What must be preserved (age, stage): a table with the case ids as index, numbers or words, or names of columns
        of the table itself, such as ``clinical__age``, which are then left as they are. Never the outcome.

    Attributes
    ----------
    sites_ : list of str
    fits_ : dict
        Block name -> `CombatFit`.
    coding_ : CovariateCoding or None
        Levels of the covariates in training.

    Notes
    -----
    Missing values are left out and stay missing. With a single training site nothing changes. Without ``covariates``,
    differences between sites in age or stage are removed with the rest; with them, their linear effect within sites is
    set aside and put back (as in neuroCombat), for a new case from its own covariates. A covariate that is the outcome
    is refused where labels are passed to ``fit``, as a Pipeline does; one that merely goes with it cannot be told.

    References
    ----------
    Johnson et al., Biostatistics 8:118-127, 2007, doi:10.1093/biostatistics/kxj037.
    Fortin et al., NeuroImage 167:104-120, 2018, doi:10.1016/j.neuroimage.2017.11.024 (neuroCombat).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> site = np.repeat(["a", "b"], 20)
    >>> X = rng.normal(size=(40, 3)) + 5.0 * (site == "b")[:, None]
    >>> even = ComBat(empirical_bayes=False).fit_transform(X, site=site)
    >>> bool(np.allclose(even[site == "a"].mean(axis=0), even[site == "b"].mean(axis=0)))
    True
    """

    # Sites are requested by default, so that a Pipeline with metadata routing hands them down unasked.
    __metadata_request__fit = {"site": True}  # noqa: RUF012 - read by scikit-learn from the class, never changed
    __metadata_request__transform = {"site": True}  # noqa: RUF012

    def __init__(
        self,
        site: Mapping[str, Any] | pd.Series | None = None,
        *,
        empirical_bayes: bool = True,
        mean_only: bool = False,
        reference: str | None = None,
        unseen: Literal["error", "reference"] = "error",
        blocks: BlockSpec = None,
        covariates: pd.DataFrame | Sequence[str] | None = None,
    ) -> None:
        self.site = site
        self.empirical_bayes = empirical_bayes
        self.mean_only = mean_only
        self.reference = reference
        self.unseen = unseen
        self.blocks = blocks
        self.covariates = covariates

    def fit(self, X: Any, y: object = None, *, site: ArrayLike | None = None) -> Self:
        """Learn shifts and scales of the sites from training rows.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        y : array-like of shape (n_cases,), optional
            Nothing is learned from it; a covariate that equals it is refused.
        site : array-like of shape (n_cases,), optional
            Site of each case, in place of the argument of the constructor.

        Raises
        ------
        RunError
            A covariate is the outcome, or is missing for a case.
        ValueError
            Sites or covariates that do not belong to the table; a covariate that is constant within sites.
        """
        values = np.asarray(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan"))
        check_choice(self.unseen, ["error", "reference"], name="unseen")
        if self.unseen == "reference" and self.reference is None:
            raise ValueError("unseen='reference' needs reference, the name of a site.")
        given = self._sites(X, site, n_cases=len(values))
        if given is None:
            warnings.warn("ComBat was given no sites; nothing is harmonised.", UserWarning, stacklevel=2)
        of_case = np.full(len(values), NO_SITE, dtype=object) if given is None else given
        self.sites_ = sorted(set(of_case))
        if self.reference is not None and str(self.reference) not in self.sites_:
            raise ValueError(f"reference={self.reference!r} is not one of the training sites {self.sites_}.")
        codes = np.array([self.sites_.index(s) for s in of_case], dtype=np.intp)
        reference = None if self.reference is None else self.sites_.index(str(self.reference))
        self.blocks_ = blocks_or_one(X if isinstance(X, pd.DataFrame) else values, self.blocks)
        design = self._learn_covariates(X, y, codes)
        counts = np.bincount(codes)
        if len(counts) > 1 and not self.mean_only and counts.min() < 2:
            raise ValueError(
                f"site {self.sites_[int(counts.argmin())]!r} has a single training case, so it has no variance; "
                "use mean_only=True or join sites."
            )
        self.fits_: dict[str, CombatFit] = {
            name: fit_combat(
                values[:, positions],
                codes,
                empirical_bayes=self.empirical_bayes,
                mean_only=self.mean_only,
                reference=reference,
                covariates=design,
            )
            for name, positions in self.blocks_.items()
        }
        return self

    def transform(self, X: Any, *, site: ArrayLike | None = None) -> Array:
        """Return the table with the sites' shifts and scales removed.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        site : array-like of shape (n_cases,), optional

        Raises
        ------
        RunError
            A site was not in training and ``unseen="error"`` (``E_UNSEEN_SITE``).
        """
        check_is_fitted(self)
        values = np.asarray(validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"))
        given = self._sites(X, site, n_cases=len(values))
        if (given is None) != (self.sites_ == [NO_SITE]):
            raise ValueError("sites were given to fit and not to transform, or the other way round.")
        of_case = np.full(len(values), NO_SITE, dtype=object) if given is None else given
        unseen = sorted(set(of_case) - set(self.sites_))
        if unseen and self.unseen == "error":
            raise RunError(
                f"ComBat: {len(unseen)} sites were not in training: {unseen[:5]}; it was fitted on {self.sites_}.",
                code="E_UNSEEN_SITE",
                hint="Split by site only with unseen='reference', or leave harmonisation out.",
            )
        place = {s: i for i, s in enumerate(self.sites_)}
        codes = np.array([place.get(s, -1) for s in of_case], dtype=np.intp)
        design = None if self.coding_ is None else self.coding_.design(self._covariates(X))
        out = values.copy()
        for name, positions in self.blocks_.items():
            out[:, positions] = apply_combat(self.fits_[name], values[:, positions], codes, design)
        return out

    def fit_transform(self, X: Any, y: object = None, *, site: ArrayLike | None = None) -> Array:
        """Fit, and return the training rows harmonised."""
        return self.fit(X, y, site=site).transform(X, site=site)

    def _learn_covariates(self, X: Any, y: object, codes: NDArray[np.intp]) -> Array | None:
        self.coding_: CovariateCoding | None = None
        if self.covariates is None:
            return None
        table = self._covariates(X)
        if y is not None:
            refuse_the_outcome(table, np.asarray(y))
        coding = CovariateCoding.of(table)
        design = coding.design(table)
        if not covariates_apart_from_sites(design, codes):
            raise ValueError(
                f"ComBat: the covariates {list(coding.levels)} do not vary within sites apart from each other, so "
                "their effect cannot be told from that of the sites; leave one out."
            )
        if not isinstance(self.covariates, pd.DataFrame):
            columns = np.flatnonzero(X.columns.isin(table.columns))
            self.blocks_ = {b: p[~np.isin(p, columns)] for b, p in self.blocks_.items()}
            self.blocks_ = {b: p for b, p in self.blocks_.items() if len(p)}
        self.coding_ = coding
        return design

    def _covariates(self, X: Any) -> pd.DataFrame:
        if not isinstance(X, pd.DataFrame):
            raise ValueError("covariates are looked up by case id or column name; pass a DataFrame.")
        if isinstance(self.covariates, pd.DataFrame):
            absent = X.index.difference(self.covariates.index)
            if len(absent):
                raise ValueError(f"no covariates are known for {len(absent)} cases, the first {absent[0]!r}.")
            return self.covariates.loc[X.index]
        names = [str(name) for name in self.covariates or ()]
        unknown = [name for name in names if name not in X.columns]
        if unknown or not names:
            raise ValueError(f"covariates {unknown or names} are no columns of the table.")
        return X[names]

    def _sites(self, X: Any, site: ArrayLike | None, *, n_cases: int) -> NDArray[np.object_] | None:
        if site is None and self.site is None:
            return None
        if site is None:
            if not isinstance(X, pd.DataFrame):
                raise ValueError("sites are looked up by case id; pass a DataFrame, or site= to fit and transform.")
            known = dict(self.site)  # type: ignore[arg-type]
            absent = [case for case in X.index if case not in known]
            if absent:
                raise ValueError(f"no site is known for {len(absent)} cases, the first {absent[0]!r}.")
            found = pd.Series([known[case] for case in X.index], dtype=object)
        else:
            found = pd.Series(np.asarray(site, dtype=object))
        if len(found) != n_cases or found.isna().any():
            raise ValueError(f"one site per case is wanted, got {int(found.notna().sum())} for {n_cases} cases.")
        return found.map(str).to_numpy(dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
