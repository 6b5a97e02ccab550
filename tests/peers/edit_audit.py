"""Copies a node's index and changes one row of the audit chain in the copy: edit_audit.py DATA COPY"""

import sqlite3
import sys
from pathlib import Path


def main(data: str, copy: str) -> None:
    [source] = [path for path in Path(data).iterdir() if path.suffix in (".db", ".sqlite", ".sqlite3")]
    with sqlite3.connect(source) as original, sqlite3.connect(Path(copy) / source.name) as edited:
        original.backup(edited)
        (count,) = edited.execute("SELECT count(*) FROM audit").fetchone()
        changed = edited.execute(
            "UPDATE audit SET actor_id = 'somebody else' WHERE seq = (SELECT max(seq) - ? FROM audit)", (count // 2,)
        )
        assert changed.rowcount == 1


if __name__ == "__main__":
    main(*sys.argv[1:])
