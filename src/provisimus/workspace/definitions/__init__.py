"""The shape of the files that users write, one file each. Frozen; unknown keys are refused."""
