"""The words everybody uses: readings, topics, metrics, the fleet, the calendar, alerts, errors."""
