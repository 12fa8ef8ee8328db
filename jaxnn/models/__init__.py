"""Models: functions that return specs."""
