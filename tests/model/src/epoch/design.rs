//! The rules by which a table outlives its log, and the ways of breaking them that the checker has to find.

/// One rule turned into its plausible opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// A message is taken whatever partition it lies in.
    PartitionNotChecked,
    /// The topic's number of partitions is not compared with the stream's.
    PartitionCountNotCompared,
    /// The stream's id and the anchor are compared when a process starts, and neither after a lost race nor when it has read all there is.
    StreamComparedOnlyAtStart,
    /// The last message taken is not compared, only the id.
    AnchorNotCompared,
    /// A chain without a batch begins at the log's low watermark of today.
    ExpiryBeforeFirstBatchUnseen,
    /// Which log files were sent is remembered without the stream they were sent to.
    MarksOfAnotherStreamBelieved,
    /// Streams are named by topic and number: two topics can each begin an epoch of the same number.
    StreamNamedByTopic,
    /// The next epoch is begun when the first partition is closed.
    EpochBegunEarly,
    /// The new epoch's ledgers begin empty.
    LedgersNotInherited,
    /// A partition inherits the ledger of the parent's partition with its own number.
    LedgerInheritedByNumber,
    /// An epoch that goes on with its parent's log begins where the parent ended, whether or not the anchor stands.
    StartAtParentsEnd,
    /// Offsets that nobody has read lie below where the new epoch begins, and it does not say so.
    HoleNotNamed,
    /// What is wanted is computed from the files that are there, and the missing names are left free.
    VoidedFileNotFilled,
    /// Missing names are filled before the void record is there.
    FilledBeforeVoid,
    /// A void leaves the ledger as the intent said.
    WantedForgotten,
    /// A void sets the ledger back to before the intent.
    VoidForgetsWhatIsThere,
    /// A log file's end is taken while indexes below it are wanted.
    EndTakenWhileWanted,
    /// The list of log files is put before the batch's rows.
    LogFilesFirst,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Flaw; 18] = [
        Flaw::PartitionNotChecked,
        Flaw::PartitionCountNotCompared,
        Flaw::StreamComparedOnlyAtStart,
        Flaw::AnchorNotCompared,
        Flaw::ExpiryBeforeFirstBatchUnseen,
        Flaw::MarksOfAnotherStreamBelieved,
        Flaw::StreamNamedByTopic,
        Flaw::EpochBegunEarly,
        Flaw::LedgersNotInherited,
        Flaw::LedgerInheritedByNumber,
        Flaw::StartAtParentsEnd,
        Flaw::HoleNotNamed,
        Flaw::VoidedFileNotFilled,
        Flaw::FilledBeforeVoid,
        Flaw::WantedForgotten,
        Flaw::VoidForgetsWhatIsThere,
        Flaw::EndTakenWhileWanted,
        Flaw::LogFilesFirst,
    ];
}

/// The protocol as designed, or with one flaw.
pub type Design = crate::design::Design<Flaw>;
