"""pynetdicom as a requestor: all storage classes, transfer syntaxes by choice, user identity, odd PDU lengths, abort."""

import unittest

from pynetdicom import AE, build_context
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import _STORAGE_CLASSES, CTImageStorage, Verification

from farsight import PATIENCE_S, demo, township

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
JPEG_LOSSLESS, JPIP = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.94"


def associate(contexts, identity=None, pdu=16384, handlers=None):
    ae = AE(ae_title=township()["ae_title"])
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = PATIENCE_S
    for abstract, syntaxes in contexts:
        ae.add_requested_context(abstract, syntaxes)
    peer = demo()["dicom"]
    return ae.associate(
        peer["host"],
        peer["port"],
        ae_title=peer["ae_title"],
        max_pdu=pdu,
        ext_neg=[identity] if identity else None,
        evt_handlers=handlers or [],
    )


def user(name, passcode):
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 2
    identity.positive_response_requested = True
    identity.primary_field, identity.secondary_field = name.encode(), passcode.encode()
    return identity


class Associations(unittest.TestCase):
    def test_every_storage_class_that_pynetdicom_knows_is_accepted(self):
        classes = sorted(_STORAGE_CLASSES.values())
        for begin in range(0, len(classes), 128):
            some = classes[begin : begin + 128]
            association = associate([(uid, [EXPLICIT]) for uid in some])
            self.assertTrue(association.is_established)
            self.assertEqual(sorted(c.abstract_syntax for c in association.accepted_contexts), some)
            association.release()

    def test_the_first_of_several_transfer_syntaxes_is_taken_but_not_a_poor_one(self):
        for proposed, chosen in [
            ([JPEG_LOSSLESS, EXPLICIT], JPEG_LOSSLESS),
            ([EXPLICIT, JPEG_LOSSLESS], EXPLICIT),
            ([IMPLICIT, EXPLICIT], EXPLICIT),
            ([BIG, IMPLICIT], IMPLICIT),
            ([JPIP, BIG], BIG),
        ]:
            association = associate([(CTImageStorage, proposed)])
            self.assertEqual([c.transfer_syntax[0] for c in association.accepted_contexts], [chosen])
            association.release()

    def test_several_contexts_of_one_class_are_all_accepted(self):
        contexts = [(CTImageStorage, [uid]) for uid in (EXPLICIT, JPEG_LOSSLESS, IMPLICIT)]
        ae = AE(ae_title=township()["ae_title"])
        ae.requested_contexts = [build_context(uid, syntaxes) for uid, syntaxes in contexts]
        peer = demo()["dicom"]
        association = ae.associate(peer["host"], peer["port"], ae_title=peer["ae_title"])
        self.assertEqual([c.transfer_syntax[0] for c in association.accepted_contexts], [s[0] for _, s in contexts])
        association.release()

    def test_a_user_identity_is_answered(self):
        account = next(a for a in demo()["accounts"] if a["login"] == "township")
        association = associate([(Verification, [IMPLICIT])], user("township", account["password"]))
        self.assertTrue(association.is_established)
        self.assertIsNotNone(association.acceptor.user_identity)
        association.release()
        association = associate([(Verification, [IMPLICIT])], user("township", "wrong"))
        self.assertTrue(association.is_rejected)

    def test_an_unlimited_pdu_and_a_small_one(self):
        for pdu in (0, 4096, 1 << 30):
            association = associate([(Verification, [IMPLICIT])], pdu=pdu)
            self.assertEqual(association.send_c_echo().Status, 0)
            association.release()

    def test_an_abort_is_nothing_to_the_next(self):
        for _ in range(3):
            associate([(Verification, [IMPLICIT])]).abort()
        association = associate([(Verification, [IMPLICIT])])
        self.assertEqual(association.send_c_echo().Status, 0)
        association.release()


if __name__ == "__main__":
    unittest.main()
