//! What can be searched for, whatever protocol asks (PS3.4 §C.2.2.2, PS3.18 §8.3.4).

/// Query/retrieve level (PS3.4 §C.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// One row per patient: the studies in reach that an owner keeps under the same Patient ID, told by the newest one
    /// that matches. Studies without a Patient ID are not put together. Keys of lower levels match any of the studies.
    Patient,
    /// One row per study.
    Study,
    /// One row per series.
    Series,
    /// One row per SOP instance.
    Instance,
}

/// An indexed attribute that can be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// (0010,0010), matched over all three component groups, pinyin and pinyin initials.
    PatientName,
    /// (0010,0020)
    PatientId,
    /// (0010,0030)
    PatientBirthDate,
    /// (0010,0040)
    PatientSex,
    /// (0020,000D)
    StudyInstanceUid,
    /// (0008,0020). Values may go on with a time of day: `20260101` or `202601011530`, so that a range of date and time
    /// is one range (combined date-time matching, PS3.4 §C.2.2.2.5).
    StudyDate,
    /// (0008,0030)
    StudyTime,
    /// (0008,0050)
    AccessionNumber,
    /// (0020,0010)
    StudyId,
    /// (0008,1030)
    StudyDescription,
    /// (0008,0090)
    ReferringPhysicianName,
    /// (0008,0061)
    ModalitiesInStudy,
    /// (0020,000E)
    SeriesInstanceUid,
    /// (0008,0060)
    Modality,
    /// (0020,0011)
    SeriesNumber,
    /// (0008,103E)
    SeriesDescription,
    /// (0018,0015)
    BodyPartExamined,
    /// (0040,0244)
    PerformedStepStartDate,
    /// (0040,0245)
    PerformedStepStartTime,
    /// (0040,0275) > (0040,0009); together with [`Key::RequestedProcedureId`] both match in the same item (sequence
    /// matching, PS3.4 §C.2.2.2.6).
    ScheduledProcedureStepId,
    /// (0040,0275) > (0040,1001)
    RequestedProcedureId,
    /// (0008,0018)
    SopInstanceUid,
    /// (0008,0016)
    SopClassUid,
    /// (0020,0013)
    InstanceNumber,
    /// Not an attribute: one box for people, matched against name, patient id and accession number.
    Anything,
}

/// How a key is matched (PS3.4 §C.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matching {
    /// Single value matching; names ignore case and width.
    Single(String),
    /// List of UID matching, or any of several values, which may have wildcards (multiple value matching, PS3.4
    /// §C.2.2.3.2).
    AnyOf(Vec<String>),
    /// Empty value matching (PS3.4 §C.2.2.3.1): the attribute is absent or has no value.
    Empty,
    /// Wildcard matching: `*` any run, `?` one character.
    Wildcard(String),
    /// Range matching, both ends included; an open end is `None`. Values are DICOM DA, TM or DT text.
    Range {
        /// The first value that matches.
        from: Option<String>,
        /// The last value that matches.
        to: Option<String>,
    },
    /// Word-wise fuzzy matching of a person name: each word of the text matches the beginning of a name component, of
    /// its full pinyin, or of its pinyin initials.
    Fuzzy(String),
}

/// A search. Results are ordered newest study first, then by series and instance number, then by UID: a stable order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What one row is.
    pub level: Level,
    /// All of these must match.
    pub filters: Vec<(Key, Matching)>,
    /// Rows at most.
    pub limit: u32,
    /// Rows to skip.
    pub offset: u32,
}

impl Query {
    /// Everything at a level, up to `limit` rows.
    #[must_use]
    pub fn new(level: Level, limit: u32) -> Self {
        Self { level, filters: Vec::new(), limit, offset: 0 }
    }

    /// The same query with one more condition.
    #[must_use]
    pub fn with(mut self, key: Key, matching: Matching) -> Self {
        self.filters.push((key, matching));
        self
    }

    /// Shorthand for [`Matching::Single`].
    #[must_use]
    pub fn with_value(self, key: Key, value: impl Into<String>) -> Self {
        self.with(key, Matching::Single(value.into()))
    }
}
