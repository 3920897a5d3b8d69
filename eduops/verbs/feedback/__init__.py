"""The verb `eduops feedback export`: labels, and the readings behind them. Shell."""
