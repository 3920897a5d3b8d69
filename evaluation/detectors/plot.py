"""Pages that show what a detector did with a series: values, labels, alarms, score and threshold."""

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from evaluation.detectors.labelled import Labelled


def write_page(
    folder: Path,
    detector: str,
    series: Labelled,
    score: NDArray[np.float64],
    alarms: NDArray[np.intp],
    threshold: float,
) -> Path:
    """Write one HTML page, which any browser opens offline; the script that draws lies beside it, once.

    Args:
        folder: of all pages; made if missing.
        detector: name for the title.
        series: n readings.
        score: shape (n,), NaN = unknown.
        alarms: readings at which an alarm was fired, shape (a,).
        threshold: of the score; infinity is not drawn.

    Returns:
        The page.
    """
    moment = series.time_us.astype("datetime64[us]")
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.65, 0.35], vertical_spacing=0.03)
    figure.add_trace(go.Scattergl(x=moment, y=series.value, mode="lines", name="value"), 1, 1)
    fired = {"mode": "markers", "name": "alarm", "marker": {"symbol": "triangle-down", "size": 11}}
    figure.add_trace(go.Scattergl(x=moment[alarms], y=series.value[alarms], **fired), 1, 1)
    figure.add_trace(go.Scattergl(x=moment, y=score, mode="lines", name="score"), 2, 1)
    for left, right in series.windows:
        figure.add_vrect(x0=moment[left], x1=moment[right], opacity=0.2, fillcolor="orange", line_width=0)
    if np.isfinite(threshold):
        figure.add_hline(y=threshold, line_dash="dot", row=2, col=1)
    figure.update_layout(title=f"{detector}: {series.name}", template="plotly_white")
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{series.name.removesuffix('.csv').replace('/', '_')}-{detector}.html"
    figure.write_html(page, include_plotlyjs="directory")
    return page
