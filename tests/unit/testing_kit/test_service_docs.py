"""The examples of docs/testing-your-service.md run as they are printed, as one file."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "testing-your-service.md").read_text(encoding="utf-8")


def test_the_examples_pass(pytester: pytest.Pytester) -> None:
    """Every test on the page passes, in a project that knows nothing of ours."""
    code = "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    pytester.makepyfile(test_page=code)
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    result = pytester.runpytest_subprocess("-W", "error", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=len(re.findall(r"^(?:async )?def test_", code, re.MULTILINE)))
