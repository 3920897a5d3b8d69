"""Which schools disagree with themselves: traffic, e-learning and register that do not fit together.

Method. Each school of a look has one deviation a series (z, from the series' own past). Every column
is centred on its median over the schools and divided by its median absolute deviation, so that what
all schools share (a holiday mood, a storm, a broken platform) is nobody's disagreement and no unit
matters. What is fuller than three of them counts as three: more pupils, packets or users than a school is
used to contradict nothing, and one that is known from a day has such values by the dozen. Of the columns,
winsorised at three on both sides, a regularised covariance C is estimated. With
P = C^-1 the squared distance of a school x splits into the part of a common shift s of all its series,
by generalised least squares s = 1'Px / 1'P1, and the rest:

    d^2 = x'Px - (1'Px)^2 / (1'P1)

The rest is what no common shift explains: disagreement. A school that is emptier than usual in every
way has none. For k normal series it follows chi-squared with k - 1 degrees of freedom; it is told as
the deviation of normal noise that is as rare, P(|Z| > z) = P(chi^2 > d^2), the meaning that all
detectors share. It has no sign.

A school that lacks one of the series is unknown, NaN, and so are all if fewer than 30 are known.

Example:
    >>> shared = np.random.default_rng(1).normal(0, 1, (100, 1))
    >>> z = np.repeat(shared, 3, axis=1) + np.random.default_rng(2).normal(0, 0.5, (100, 3))
    >>> z[7] = [4.0, 4.0, -4.0]
    >>> int(np.argmax(Disagreement().judge(z)))
    7

Source:
    P. C. Mahalanobis, "On the generalised distance in statistics", Proc. Nat. Inst. Sci. India 2(1),
    49-55, 1936. H. Hotelling, "The generalization of Student's ratio", Annals of Mathematical
    Statistics 2(3), 360-378, 1931 (contrasts). O. Ledoit, M. Wolf, "A well-conditioned estimator for
    large-dimensional covariance matrices", Journal of Multivariate Analysis 88(2), 365-411, 2004.
    Winsorising: P. J. Huber, Annals of Mathematical Statistics 35(1), 73-101, 1964.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.score import MAD_TO_DEVIATION, Z_LIMIT, deviations


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Distance of each school from agreement with itself, among the schools of one look."""

    least_schools: int = 30
    """Fewer say nothing of what is usual; chosen, ten for each of three series."""
    winsor_z: float = 3.0
    """The covariance learns no further from the median than this, and no value counts further above it."""
    least_variance: float = 0.01
    """Added to each variance, in squared deviations: a tenth of a deviation is no disagreement."""

    def judge(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the disagreement of each school in deviations of equal rarity, at least 0, shape (n,).

        Args:
            z: deviations by school and series, NaN where unknown, shape (n, k) with k at least 2.

        Returns:
            NaN where any series of the school is unknown, or too few schools are known.
        """
        found = np.full(len(z), np.nan)
        known = ~np.isnan(z).any(axis=1)
        if int(known.sum()) < self.least_schools:
            return found
        x = np.minimum(_standardised(z[known].astype(np.float64)), self.winsor_z)
        precision = np.linalg.inv(self._covariance(x))
        weighed = x @ precision
        common = weighed.sum(axis=1) ** 2 / precision.sum()
        squared = np.maximum((weighed * x).sum(axis=1) - common, 0.0)
        found[known] = _rarity(squared, x.shape[1] - 1)
        return found

    def _covariance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        # Importing it takes a second and 74 MB, which a fold without a joint rule need not pay.
        from sklearn.covariance import ledoit_wolf

        shrunk: NDArray[np.float64] = ledoit_wolf(
            np.clip(x, -self.winsor_z, self.winsor_z), assume_centered=True
        )[0]
        return shrunk + self.least_variance * np.eye(x.shape[1])


def _standardised(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column in its own robust deviations, cut at `Z_LIMIT`; a constant is as expected."""
    x = z - np.median(z, axis=0)
    scale = MAD_TO_DEVIATION * np.median(np.abs(x), axis=0)
    return deviations(x, scale)


def _rarity(squared: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
    """Return the deviation of normal noise that is as rare as a chi-squared value, shape (n,)."""
    from scipy.special import chdtrc, ndtri_exp  # as above: a third of a second at every start

    with np.errstate(divide="ignore"):
        log_tail = np.log(chdtrc(freedom, squared))
    # Beyond what a float holds the tail is told by its leading terms.
    far = -squared / 2 + (freedom / 2 - 1) * np.log(np.maximum(squared, 1.0) / 2)
    log_tail = np.where(np.isfinite(log_tail), log_tail, far)
    z: NDArray[np.float64] = -ndtri_exp(log_tail - np.log(2.0))
    return np.clip(z, 0.0, Z_LIMIT) + 0.0
