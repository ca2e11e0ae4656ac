//! What has to be done when a log file is acknowledged, so that its source does not bring it again.
//!
//! A log file gets its receipt when its source names it. The receipt travels with the file's ticket and is redeemed after the
//! acknowledgement, so the stages between know nothing of sources.

use crate::processed::ProcessedIndex;
use std::path::Path;

/// What to do when one log file is acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// Nothing: the source is listed once, and no later run asks what was processed.
    #[default]
    Nothing,
    /// Add this fingerprint to the processed-file index.
    Processed(u128),
}

/// Issues receipts and redeems them.
pub(crate) struct Receipts {
    /// `None` when nothing has to be remembered.
    processed: Option<ProcessedIndex>,
}

impl Receipts {
    /// For a source that is listed `once` or again and again; what was processed is remembered in `dir` from run to run.
    pub(crate) fn open(once: bool, dir: Option<&Path>) -> anyhow::Result<Receipts> {
        // One listing names each file once: without a memory of earlier runs there is nothing to look up.
        let processed = if once && dir.is_none() { None } else { Some(ProcessedIndex::open(dir)?) };
        Ok(Receipts { processed })
    }

    /// The receipt of the log file with this fingerprint; `None` when it was acknowledged before.
    pub(crate) fn issue(&self, fingerprint: u128) -> anyhow::Result<Option<Receipt>> {
        let Some(processed) = &self.processed else { return Ok(Some(Receipt::Nothing)) };
        Ok((!processed.contains(fingerprint)?).then_some(Receipt::Processed(fingerprint)))
    }

    /// Does what the receipt of an acknowledged log file asks for.
    pub(crate) fn redeem(&mut self, receipt: Receipt) -> anyhow::Result<()> {
        match (receipt, &mut self.processed) {
            (Receipt::Processed(fingerprint), Some(processed)) => processed.add(fingerprint),
            (Receipt::Nothing, _) | (Receipt::Processed(_), None) => Ok(()),
        }
    }

    /// Makes durable what was redeemed.
    pub(crate) fn sync(&mut self) -> anyhow::Result<()> {
        self.processed.as_mut().map_or(Ok(()), ProcessedIndex::sync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_receipt_was_redeemed_gets_no_other_also_in_a_later_run() {
        let dir = tempfile::tempdir().unwrap();
        let mut receipts = Receipts::open(true, Some(dir.path())).unwrap();
        let receipt = receipts.issue(1).unwrap().unwrap();
        assert_eq!(receipts.issue(1).unwrap(), Some(receipt), "not redeemed yet");
        receipts.redeem(receipt).unwrap();
        receipts.sync().unwrap();
        drop(receipts);
        let receipts = Receipts::open(true, Some(dir.path())).unwrap();
        assert_eq!(receipts.issue(1).unwrap(), None);
        assert!(receipts.issue(2).unwrap().is_some());
    }

    #[test]
    fn one_listing_without_a_state_directory_remembers_nothing() {
        let mut receipts = Receipts::open(true, None).unwrap();
        let receipt = receipts.issue(1).unwrap();
        assert_eq!(receipt, Some(Receipt::Nothing));
        receipts.redeem(Receipt::Nothing).unwrap();
        assert_eq!(receipts.issue(1).unwrap(), receipt);
    }
}
