"""Copies a node's index and changes the audit chain in the copy: edit_audit.py DATA COPY [cut]

Without `cut` one row is edited. With it the newer half of the chain is taken away, and what says where the chain ends is put
right, so that the chain is whole in itself.
"""

import sqlite3
import sys
from pathlib import Path


def edit(edited: sqlite3.Connection, count: int) -> None:
    changed = edited.execute(
        "UPDATE audit SET actor_id = 'somebody else' WHERE seq = (SELECT max(seq) - ? FROM audit)", (count // 2,)
    )
    assert changed.rowcount == 1


def cut(edited: sqlite3.Connection, count: int) -> None:
    edited.execute("DELETE FROM audit WHERE seq > ?", (count // 2,))
    edited.execute("UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1)")


def main(data: str, copy: str, how: str = "edit") -> None:
    [source] = [path for path in Path(data).iterdir() if path.suffix in (".db", ".sqlite", ".sqlite3")]
    with sqlite3.connect(source) as original, sqlite3.connect(Path(copy) / source.name) as edited:
        original.backup(edited)
        (count,) = edited.execute("SELECT count(*) FROM audit").fetchone()
        {"edit": edit, "cut": cut}[how](edited, count)


if __name__ == "__main__":
    main(*sys.argv[1:])
