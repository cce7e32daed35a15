"""Local stores of processes that come and go."""

from pathlib import Path

from callboard.transport.delivery import LocalStore


class Disks:
    """The folders of a run's processes: those of the dead are the next one's, the others' not."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._folders: dict[str, Path] = {}
        self.stores: dict[str, LocalStore] = {}

    def of(self, name: str, *, like: str | None = None) -> LocalStore | None:
        """Return a process's store: a fresh one, or what another process has left."""
        if self._folder is None:
            return None
        folder = self._folder / name
        if like is not None:
            self.stores.pop(like).close()
            folder = self._folders[like]
        self._folders[name] = folder
        self.stores[name] = LocalStore(folder)
        return self.stores[name]

    def close(self) -> None:
        """Let go of all."""
        for store in self.stores.values():
            store.close()
