"""Writes access/src/common_passwords.bin: which passwords are guessed first.

The list is that of Django (BSD-3-Clause): `pip download --no-deps django==5.2.19`, then

    python3 scripts/common-passwords.py django-5.2.19-py3-none-any.whl

Kept is, of each that is long enough, the first six bytes of its SHA-256, sorted: that is small, and no list of passwords.
"""

import gzip
import hashlib
import pathlib
import sys
import zipfile

NAME = "django/contrib/auth/common-passwords.txt.gz"
SHA256 = "29ca0fa5303165f012f3e9775e3e95a3071cdd59f219973ec1cbb308d0214a6f"
LENGTH_MIN = 8
HASH_BYTES = 6

text = gzip.decompress(zipfile.ZipFile(sys.argv[1]).read(NAME))
if hashlib.sha256(text).hexdigest() != SHA256:
    sys.exit(f"{NAME} is not the list that is expected")
words = {line.strip().lower() for line in text.decode().splitlines()}
hashes = sorted(hashlib.sha256(word.encode()).digest()[:HASH_BYTES] for word in words if len(word) >= LENGTH_MIN)
target = pathlib.Path(__file__).parent.parent / "access/src/common_passwords.bin"
target.write_bytes(b"".join(hashes))
print(f"{len(hashes)} passwords in {target}")
