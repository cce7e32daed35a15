"""Apache Kafka's jars: fetched once with Maven, then kept in the user's cache folder."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

VERSION = "4.3.1"
_SCALA = "2.13"
_SLF4J = "1.7.36"  # the API version that Kafka brings
_FETCH_SECONDS = 300.0

_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>callboard.tests</groupId>
  <artifactId>apache-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{_SCALA}</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{_SLF4J}</version>
    </dependency>
  </dependencies>
</project>
"""


class KafkaMissingError(Exception):
    """Apache Kafka cannot run on this machine; the message says what to install."""


def java() -> str:
    """Return the path of a Java runtime.

    Raises:
        KafkaMissingError: There is none.
    """
    found = shutil.which("java")
    if found is None:
        raise KafkaMissingError(
            "no `java` on the PATH; Apache Kafka needs Java 17 or later: "
            "`apt-get install -y --no-install-recommends openjdk-17-jre-headless maven`"
        )
    return found


def jars_folder() -> Path:
    """Return where the jars are, or will be."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "callboard" / f"apache-kafka-{VERSION}-tools"


def ensure_jars() -> Path:
    """Return the folder of the jars, fetching them when it is not there yet (54 MB).

    Several processes may call it at once: each fetches into a folder of its
    own, and the first to end gives its folder the final name.

    Raises:
        KafkaMissingError: Maven is missing or cannot fetch.
    """
    folder = jars_folder()
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissingError(
            f"no jars in {folder} and no `mvn` on the PATH to fetch them: "
            "`apt-get install -y --no-install-recommends maven`, then `make kafka`"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, not in /tmp: a rename is atomic within one file system only.
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder.parent) as scratch:
        jars = Path(scratch) / "jars"
        _fetch(maven, Path(scratch), jars)
        try:
            jars.rename(folder)
        except OSError:
            if not folder.is_dir():  # or else another process was faster: its jars are the same
                raise
    return folder


def _fetch(maven: str, scratch: Path, jars: Path) -> None:
    pom = scratch / "pom.xml"
    pom.write_text(_POM)
    command = [
        *(maven, "--batch-mode", "--quiet", "--file", str(pom)),
        *("dependency:copy-dependencies", f"-DoutputDirectory={jars}"),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaMissingError(
            f"Maven did not fetch Apache Kafka {VERSION} within {_FETCH_SECONDS:g} s; "
            "check the network, then `make kafka`"
        ) from error
    if done.returncode != 0 or not any(jars.glob(f"kafka_{_SCALA}-*.jar")):
        said = (done.stdout + done.stderr).strip().splitlines()
        raise KafkaMissingError(
            f"Maven could not fetch Apache Kafka {VERSION} (exit {done.returncode}); "
            f"check the network, then `make kafka`. Maven said: {' | '.join(said[:3])}"
        )
