"""What is measured: one file per subject, each with one small function per workload.

This package runs by itself, as `python -m subjects NAME` with the folder above on the path, so that
peers can be measured with an interpreter that knows nothing of callboard. Hence it imports nothing
of ours but, in two of its files, callboard's public names.
"""

__all__: list[str] = []
