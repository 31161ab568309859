"""What was used and what it costs: budgets, exports."""
