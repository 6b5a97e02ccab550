//! Command sets (PS3.7 §6.3, Annex E): always Implicit VR Little Endian, group 0000, small and bounded.

use std::collections::BTreeMap;

/// Bytes of a command set at most.
pub(crate) const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Elements of group 0000 (PS3.7 §E.1).
pub(crate) mod tag {
    pub(crate) const GROUP_LENGTH: u16 = 0x0000;
    pub(crate) const AFFECTED_SOP_CLASS_UID: u16 = 0x0002;
    pub(crate) const REQUESTED_SOP_CLASS_UID: u16 = 0x0003;
    pub(crate) const COMMAND_FIELD: u16 = 0x0100;
    pub(crate) const MESSAGE_ID: u16 = 0x0110;
    pub(crate) const MESSAGE_ID_BEING_RESPONDED_TO: u16 = 0x0120;
    pub(crate) const MOVE_DESTINATION: u16 = 0x0600;
    pub(crate) const PRIORITY: u16 = 0x0700;
    pub(crate) const COMMAND_DATA_SET_TYPE: u16 = 0x0800;
    pub(crate) const STATUS: u16 = 0x0900;
    pub(crate) const ERROR_COMMENT: u16 = 0x0902;
    pub(crate) const AFFECTED_SOP_INSTANCE_UID: u16 = 0x1000;
    pub(crate) const REQUESTED_SOP_INSTANCE_UID: u16 = 0x1001;
    pub(crate) const EVENT_TYPE_ID: u16 = 0x1002;
    pub(crate) const ACTION_TYPE_ID: u16 = 0x1008;
    pub(crate) const NUMBER_OF_REMAINING_SUBOPERATIONS: u16 = 0x1020;
    pub(crate) const NUMBER_OF_COMPLETED_SUBOPERATIONS: u16 = 0x1021;
    pub(crate) const NUMBER_OF_FAILED_SUBOPERATIONS: u16 = 0x1022;
    pub(crate) const NUMBER_OF_WARNING_SUBOPERATIONS: u16 = 0x1023;
    pub(crate) const MOVE_ORIGINATOR_AE_TITLE: u16 = 0x1030;
    pub(crate) const MOVE_ORIGINATOR_MESSAGE_ID: u16 = 0x1031;
}

/// Command Data Set Type that means: no data set.
pub(crate) const NO_DATA_SET: u16 = 0x0101;

/// Values of Command Field (0000,0100) that this node sends or answers.
pub(crate) mod field {
    pub(crate) const C_STORE_RQ: u16 = 0x0001;
    pub(crate) const C_GET_RQ: u16 = 0x0010;
    pub(crate) const C_FIND_RQ: u16 = 0x0020;
    pub(crate) const C_MOVE_RQ: u16 = 0x0021;
    pub(crate) const C_ECHO_RQ: u16 = 0x0030;
    pub(crate) const N_EVENT_REPORT_RQ: u16 = 0x0100;
    pub(crate) const N_ACTION_RQ: u16 = 0x0130;
    pub(crate) const C_CANCEL_RQ: u16 = 0x0FFF;
    /// A response is its request with this bit.
    pub(crate) const RESPONSE: u16 = 0x8000;
}

/// Why bytes are no command set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a command set: {0}")]
pub(crate) struct BadCommand(pub(crate) &'static str);

/// A command set: the values of group 0000 by element number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Command(BTreeMap<u16, Vec<u8>>);

impl Command {
    /// Reads a whole command set. The group length is not trusted and not needed.
    ///
    /// # Errors
    /// [`BadCommand`] when lengths do not fit, another group appears, or there is no Command Field.
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, BadCommand> {
        let mut elements = BTreeMap::new();
        while !bytes.is_empty() {
            let (header, rest) = bytes.split_at_checked(8).ok_or(BadCommand("an element is cut off"))?;
            let [g0, g1, e0, e1, l0, l1, l2, l3] = *header else {
                return Err(BadCommand("an element is cut off"));
            };
            if u16::from_le_bytes([g0, g1]) != 0 {
                return Err(BadCommand("an element is not of group 0000"));
            }
            let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let (value, rest) = rest.split_at_checked(length).ok_or(BadCommand("a value is cut off"))?;
            elements.insert(u16::from_le_bytes([e0, e1]), value.to_vec());
            bytes = rest;
        }
        let command = Self(elements);
        command.u16(tag::COMMAND_FIELD).ok_or(BadCommand("it has no Command Field"))?;
        Ok(command)
    }

    /// The whole command set, group length first.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(256);
        for (&element, value) in self.0.iter().filter(|(element, _)| **element != tag::GROUP_LENGTH) {
            put_element(&mut body, element, value);
        }
        let mut bytes = Vec::with_capacity(body.len() + 12);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        put_element(&mut bytes, tag::GROUP_LENGTH, &length.to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// A value of VR US.
    pub(crate) fn u16(&self, element: u16) -> Option<u16> {
        let value = self.0.get(&element)?;
        Some(u16::from_le_bytes([*value.first()?, *value.get(1)?]))
    }

    /// A value as a UID.
    pub(crate) fn uid(&self, element: u16) -> Option<model::Uid> {
        model::Uid::parse(std::str::from_utf8(self.0.get(&element)?).ok()?).ok()
    }

    /// A value of VR AE.
    pub(crate) fn ae_title(&self, element: u16) -> Option<model::AeTitle> {
        model::AeTitle::parse(std::str::from_utf8(self.0.get(&element)?).ok()?).ok()
    }

    /// Command Field (0000,0100).
    pub(crate) fn field(&self) -> u16 {
        self.u16(tag::COMMAND_FIELD).unwrap_or(0)
    }

    /// Whether a data set follows (PS3.7 §E.1: anything but 0101H).
    pub(crate) fn announces_data_set(&self) -> bool {
        self.u16(tag::COMMAND_DATA_SET_TYPE).unwrap_or(NO_DATA_SET) != NO_DATA_SET
    }

    /// The same with a value of VR US.
    pub(crate) fn with_u16(mut self, element: u16, value: u16) -> Self {
        self.0.insert(element, value.to_le_bytes().to_vec());
        self
    }

    /// The same with a UID, padded with NUL.
    pub(crate) fn with_uid(self, element: u16, uid: &str) -> Self {
        self.with_bytes(element, uid.as_bytes(), 0)
    }

    /// The same with ASCII text, cut to the 64 characters of VR LO and padded with a space.
    pub(crate) fn with_text(self, element: u16, text: &str) -> Self {
        let text: String = text
            .chars()
            .map(|c| if (' '..='~').contains(&c) && c != '\\' { c } else { '?' })
            .take(64)
            .collect();
        self.with_bytes(element, text.as_bytes(), b' ')
    }

    fn with_bytes(mut self, element: u16, bytes: &[u8], padding: u8) -> Self {
        let mut value = bytes.to_vec();
        if value.len() % 2 == 1 {
            value.push(padding);
        }
        self.0.insert(element, value);
        self
    }

    /// The response to this request with a status, without a data set (PS3.7 §9.3).
    pub(crate) fn response(&self, status: u16) -> Self {
        let mut response = Self::default()
            .with_u16(tag::COMMAND_FIELD, self.field() | field::RESPONSE)
            .with_u16(tag::MESSAGE_ID_BEING_RESPONDED_TO, self.u16(tag::MESSAGE_ID).unwrap_or(0))
            .with_u16(tag::COMMAND_DATA_SET_TYPE, NO_DATA_SET)
            .with_u16(tag::STATUS, status);
        for element in [tag::AFFECTED_SOP_CLASS_UID, tag::AFFECTED_SOP_INSTANCE_UID] {
            if let Some(uid) = self.uid(element) {
                response = response.with_uid(element, uid.as_str());
            }
        }
        response
    }
}

fn put_element(to: &mut Vec<u8>, element: u16, value: &[u8]) {
    to.extend_from_slice(&[0, 0]);
    to.extend_from_slice(&element.to_le_bytes());
    to.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    to.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// PS3.7 §9.3.5.1: the C-ECHO-RQ, byte by byte.
    #[test]
    fn an_echo_request_has_the_bytes_of_the_standard() {
        let command = Command::default()
            .with_uid(tag::AFFECTED_SOP_CLASS_UID, "1.2.840.10008.1.1")
            .with_u16(tag::COMMAND_FIELD, field::C_ECHO_RQ)
            .with_u16(tag::MESSAGE_ID, 7)
            .with_u16(tag::COMMAND_DATA_SET_TYPE, NO_DATA_SET);
        let mut expected = vec![0, 0, 0, 0, 4, 0, 0, 0, 56, 0, 0, 0];
        expected.extend(b"\0\0\x02\0\x12\0\0\x001.2.840.10008.1.1\0");
        expected.extend([0, 0, 0, 1, 2, 0, 0, 0, 0x30, 0]);
        expected.extend([0, 0, 0x10, 1, 2, 0, 0, 0, 7, 0]);
        expected.extend([0, 0, 0, 8, 2, 0, 0, 0, 1, 1]);
        assert_eq!(command.encode(), expected);

        let read = Command::decode(&expected).unwrap();
        assert_eq!(read.field(), field::C_ECHO_RQ);
        assert!(!read.announces_data_set());
        let response = read.response(0);
        assert_eq!(response.field(), 0x8030);
        assert_eq!(response.u16(tag::MESSAGE_ID_BEING_RESPONDED_TO), Some(7));
    }

    #[test]
    fn what_is_cut_off_or_of_another_group_is_refused() {
        assert_eq!(Command::decode(&[]), Err(BadCommand("it has no Command Field")));
        assert_eq!(Command::decode(&[0, 0, 0, 1, 2, 0, 0]), Err(BadCommand("an element is cut off")));
        let four_gigabytes = [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0];
        assert_eq!(Command::decode(&four_gigabytes), Err(BadCommand("a value is cut off")));
        let group_8 = [8, 0, 0x18, 0, 0, 0, 0, 0];
        assert_eq!(Command::decode(&group_8), Err(BadCommand("an element is not of group 0000")));
    }

    #[test]
    fn a_comment_is_cut_and_ascii() {
        let command = Command::default().with_text(tag::ERROR_COMMENT, &"张\\x".repeat(40));
        assert_eq!(command.0[&tag::ERROR_COMMENT].len(), 64);
        assert!(command.0[&tag::ERROR_COMMENT].starts_with(b"??x"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::decode(&bytes);
        }
    }
}
