"""pynetdicom as a modality that asks for storage commitment and goes, and as one that listens for the report.

commitment.py request PORT TITLE TRANSACTION CLASS INSTANCE: asks, takes no report, and aborts the association.
commitment.py listen PORT TITLE: waits for one report, in a role that it is asked for, and prints it.
"""

import json
import sys
import threading

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

PATIENCE_S = 120


def request(port: str, title: str, transaction: str, sop_class: str, instance: str) -> None:
    ae = AE(ae_title=title)
    ae.add_requested_context(StorageCommitmentPushModel)
    # A status that says that the report was not taken.
    association = ae.associate(
        "127.0.0.1", int(port), ae_title="FARSIGHT", evt_handlers=[(evt.EVT_N_EVENT_REPORT, lambda _: (0x0110, None))]
    )
    assert association.is_established
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, instance
    action = Dataset()
    action.TransactionUID = transaction
    action.ReferencedSOPSequence = [reference]
    status, _ = association.send_n_action(action, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    assert status.Status == 0, status
    association.abort()


def listen(port: str, title: str) -> None:
    came, report = threading.Event(), {}

    def take(event: evt.Event) -> tuple[int, None]:
        items = event.event_information.ReferencedSOPSequence
        [context] = event.assoc.accepted_contexts
        report.update(
            type=event.request.EventTypeID,
            transaction=event.event_information.TransactionUID,
            instances=[item.ReferencedSOPInstanceUID for item in items],
            # Who reports is the SCP although it opened the association (PS3.4 §J.3.3.1, PS3.7 §D.3.3.4).
            we_are_scu=context.as_scu and not context.as_scp,
        )
        came.set()
        return 0, None

    ae = AE(ae_title=title)
    ae.require_called_aet = True
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    server = ae.start_server(("127.0.0.1", int(port)), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)])
    print("listening", flush=True)
    assert came.wait(PATIENCE_S), "no report"
    server.shutdown()
    print(json.dumps(report))


if __name__ == "__main__":
    {"request": request, "listen": listen}[sys.argv[1]](*sys.argv[2:])
