"""Short trainings of what the thesis leaves open, each form beside the others: the evidence for DEVIATIONS.md."""
