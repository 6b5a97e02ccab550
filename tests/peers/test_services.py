"""pynetdicom as a modality and workstation: storage commitment both ways, C-GET, and C-MOVE with C-CANCEL."""

import subprocess
import threading
import time
import unittest

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from farsight import PATIENCE_S, SAMPLES, demo, program, township
from test_dimse import SUCCESS, store

SERIES = sorted((SAMPLES / "demo/dicom/generated-ct-prior").glob("*.dcm"))[:4]


def ae_command(*arguments: str) -> None:
    command = [str(program()), "ae", *arguments, "--data", demo()["data"]]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def commit(association, transaction, references) -> int:
    action = Dataset()
    action.TransactionUID = transaction
    action.ReferencedSOPSequence = []
    for sop_class, sop_instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = sop_instance
        action.ReferencedSOPSequence.append(item)
    status, _ = association.send_n_action(
        action, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    return status.Status


class Reports:
    """Takes N-EVENT-REPORT requests."""

    def __init__(self):
        self.came = threading.Event()
        self.event_type = None
        self.information = None

    def __call__(self, event):
        self.event_type = event.request.EventTypeID
        self.information = event.event_information
        self.came.set()
        return SUCCESS, None


class Services(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        store(SERIES)
        cls.sent = [pydicom.dcmread(path, stop_before_pixels=True) for path in SERIES]
        cls.references = [(ds.SOPClassUID, ds.SOPInstanceUID) for ds in cls.sent]

    def associate(self, ae, handlers=(), negotiation=()):
        peer = demo()["dicom"]
        association = ae.associate(
            peer["host"], peer["port"], ae_title=peer["ae_title"], evt_handlers=list(handlers),
            ext_neg=list(negotiation),
        )  # fmt: skip
        self.assertTrue(association.is_established)
        return association

    def requester(self):
        ae = AE(ae_title=township()["ae_title"])
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = PATIENCE_S
        return ae

    def test_commitment_is_reported_on_the_same_association(self):
        reports, ae = Reports(), self.requester()
        ae.add_requested_context(StorageCommitmentPushModel)
        association = self.associate(ae, [(evt.EVT_N_EVENT_REPORT, reports)])
        transaction = generate_uid()
        self.assertEqual(commit(association, transaction, self.references), SUCCESS)
        self.assertTrue(reports.came.wait(PATIENCE_S))
        association.release()
        self.assertEqual((reports.event_type, reports.information.TransactionUID), (1, transaction))
        self.assertEqual(len(reports.information.ReferencedSOPSequence), len(self.references))
        self.assertNotIn("FailedSOPSequence", reports.information)

    def test_commitment_says_what_it_cannot_promise(self):
        reports, ae = Reports(), self.requester()
        ae.add_requested_context(StorageCommitmentPushModel)
        association = self.associate(ae, [(evt.EVT_N_EVENT_REPORT, reports)])
        known = self.references[0]
        references = [known, (CTImageStorage, "1.2.3.4.5"), ("1.2.840.10008.5.1.4.1.1.4", self.references[1][1])]
        self.assertEqual(commit(association, generate_uid(), references), SUCCESS)
        self.assertTrue(reports.came.wait(PATIENCE_S))
        association.release()
        self.assertEqual(reports.event_type, 2)
        self.assertEqual(reports.information.ReferencedSOPSequence[0].ReferencedSOPInstanceUID, known[1])
        failed = {item.ReferencedSOPInstanceUID: item.FailureReason for item in reports.information.FailedSOPSequence}
        self.assertEqual(failed, {"1.2.3.4.5": 0x0112, self.references[1][1]: 0x0119})

    def test_commitment_is_reported_by_a_new_association_when_the_requester_has_gone(self):
        reports = Reports()
        listener = AE(ae_title="MODALITY7")
        listener.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        server = listener.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports)]
        )
        self.addCleanup(server.shutdown)
        port = server.socket.getsockname()[1]
        ae_command("add", "MODALITY7", "--org", township()["id"], "--contact", f"127.0.0.1:{port}")
        ae = AE(ae_title="MODALITY7")
        ae.add_requested_context(StorageCommitmentPushModel)
        association = self.associate(ae, [(evt.EVT_N_EVENT_REPORT, lambda event: (0x0110, None))])
        transaction = generate_uid()
        self.assertEqual(commit(association, transaction, self.references), SUCCESS)
        association.release()
        self.assertTrue(reports.came.wait(PATIENCE_S))
        self.assertEqual((reports.event_type, reports.information.TransactionUID), (1, transaction))

    def test_an_unknown_action_or_instance_is_refused(self):
        ae = self.requester()
        ae.add_requested_context(StorageCommitmentPushModel)
        association = self.associate(ae)
        action = Dataset()
        action.TransactionUID = generate_uid()
        status, _ = association.send_n_action(
            action, 2, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        self.assertEqual(status.Status, 0x0123)
        status, _ = association.send_n_action(action, 1, StorageCommitmentPushModel, "1.2.3")
        self.assertEqual(status.Status, 0x0112)
        association.release()

    def test_get_counts_and_cancel(self):
        got, cancel_after = [], 2
        ae = self.requester()
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
        ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")

        def keep(event):
            got.append(event.request.AffectedSOPInstanceUID)
            if len(got) == cancel_after:
                event.assoc.send_c_cancel(1, query_model=StudyRootQueryRetrieveInformationModelGet)
            return SUCCESS

        role = build_role(CTImageStorage, scp_role=True)
        association = self.associate(ae, [(evt.EVT_C_STORE, keep)], [role])
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "STUDY"
        identifier.StudyInstanceUID = self.sent[0].StudyInstanceUID
        answers = list(association.send_c_get(identifier, StudyRootQueryRetrieveInformationModelGet, msg_id=1))
        association.release()
        last = answers[-1][0]
        self.assertEqual(last.Status, 0xFE00)
        self.assertEqual(last.NumberOfCompletedSuboperations, cancel_after)
        self.assertEqual(last.NumberOfRemainingSuboperations, len(SERIES) - cancel_after)

    def test_move_is_cancelled_between_two_instances(self):
        got, cancel_after = [], 2
        listener = AE(ae_title="SLOWDEST")
        listener.add_supported_context(CTImageStorage, "1.2.840.10008.1.2.1")

        def keep(event):
            got.append(event.request.AffectedSOPInstanceUID)
            if len(got) == cancel_after:
                association.send_c_cancel(7, query_model=StudyRootQueryRetrieveInformationModelMove)
                # It has to be there before the next instance would be sent.
                time.sleep(1)
            return SUCCESS

        server = listener.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
        self.addCleanup(server.shutdown)
        port = server.socket.getsockname()[1]
        ae_command("add", "SLOWDEST", "--org", township()["id"], "--contact", f"127.0.0.1:{port}")
        ae = self.requester()
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
        association = self.associate(ae)
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "STUDY"
        identifier.StudyInstanceUID = self.sent[0].StudyInstanceUID
        model = StudyRootQueryRetrieveInformationModelMove
        answers = list(association.send_c_move(identifier, "SLOWDEST", model, msg_id=7))
        last = answers[-1][0]
        self.assertEqual(last.Status, 0xFE00)
        self.assertEqual(last.NumberOfCompletedSuboperations, cancel_after)
        self.assertEqual(last.NumberOfRemainingSuboperations, len(SERIES) - cancel_after)
        self.assertEqual(len(got), cancel_after)
        # The association is as good as before.
        answers = list(association.send_c_move(identifier, "SLOWDEST", model, msg_id=9))
        association.release()
        self.assertEqual(answers[-1][0].Status, SUCCESS)
        self.assertEqual(len(got), cancel_after + len(SERIES))

    def test_move_warns_and_lists_what_failed(self):
        refused = self.references[1][1]
        listener = AE(ae_title="PICKY")
        listener.add_supported_context(CTImageStorage, "1.2.840.10008.1.2.1")

        def keep(event):
            self.assertEqual(event.request.MoveOriginatorApplicationEntityTitle.strip(), township()["ae_title"])
            return 0xA900 if event.request.AffectedSOPInstanceUID == refused else SUCCESS

        server = listener.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
        self.addCleanup(server.shutdown)
        port = server.socket.getsockname()[1]
        ae_command("add", "PICKY", "--org", township()["id"], "--contact", f"127.0.0.1:{port}")
        ae = self.requester()
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
        association = self.associate(ae)
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "SERIES"
        identifier.StudyInstanceUID = self.sent[0].StudyInstanceUID
        identifier.SeriesInstanceUID = self.sent[0].SeriesInstanceUID
        answers = list(association.send_c_move(identifier, "PICKY", StudyRootQueryRetrieveInformationModelMove))
        association.release()
        pending = [status for status, _ in answers if status.Status == 0xFF00]
        self.assertEqual(pending[0].NumberOfRemainingSuboperations, len(SERIES) - 1)
        last, identifier = answers[-1]
        self.assertEqual(last.Status, 0xB000)
        self.assertEqual((last.NumberOfCompletedSuboperations, last.NumberOfFailedSuboperations), (len(SERIES) - 1, 1))
        self.assertEqual(identifier.FailedSOPInstanceUIDList, refused)


if __name__ == "__main__":
    unittest.main()
