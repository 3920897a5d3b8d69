"""The fold: de-duplicate, score, open and resolve alerts, sum KPIs; its state and snapshots. Pure."""
