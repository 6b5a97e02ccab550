"""Sends files by C-STORE exactly as they are, whatever is in them; prints `file status` for each as soon as it is known.

    send.py HOST PORT CALLING FILE…

A file's data set is not read, only its file meta group. Status: four hexadecimal digits, or `aborted`.
"""

import sys

from pydicom.filereader import read_file_meta_info
from pynetdicom import AE, _config

# Otherwise pynetdicom reads the data set and writes its own, mended one.
_config.STORE_SEND_CHUNKED_DATASET = True


def main(host: str, port: str, calling: str, *paths: str) -> None:
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 120
    metas = [read_file_meta_info(path) for path in paths]
    for abstract, syntax in sorted({(m.MediaStorageSOPClassUID, m.TransferSyntaxUID) for m in metas}):
        ae.add_requested_context(abstract, syntax)
    association = ae.associate(host, int(port), ae_title="FARSIGHT")
    if not association.is_established:
        sys.exit("no association")
    for path in paths:
        try:
            answer = association.send_c_store(path)
        except RuntimeError:  # the association is gone
            break
        status = answer.get("Status")
        print(path, "aborted" if status is None else f"{status:04X}", flush=True)
        if status is None:
            break
    if association.is_established:
        association.release()


if __name__ == "__main__":
    main(*sys.argv[1:])
