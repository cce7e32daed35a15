"""The examples of docs/testing.md run as they are printed, as one file, with its settings."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")


def blocks(language: str) -> str:
    """Return the page's blocks of a language, one after another."""
    return "\n\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_examples_pass_in_strict_mode(pytester: pytest.Pytester, seed: str) -> None:
    """Every test on the page passes, whatever the seed."""
    code = blocks("python")
    pytester.makepyfile(test_page=code)
    pytester.makepyprojecttoml(blocks("toml"))

    result = pytester.runpytest_subprocess(
        "-W", "error", "-p", "no:asyncio", "-p", "no:hypothesispytest", f"--callboard-seed={seed}"
    )
    result.assert_outcomes(passed=len(re.findall(r"^(?:async )?def test_", code, re.MULTILINE)))
