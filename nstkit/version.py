"""The version of nstkit, which files and packages name."""

__version__ = "0.1.0"
