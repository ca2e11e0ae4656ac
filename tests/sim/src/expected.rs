//! What each message must become, worked out from the log alone as it grows: the accept rule in its plainest form, written apart
//! from the product's so that a mistake in one is not a mistake in both.

use common::message::FileId;
use std::collections::HashMap;

/// What a message says, told by whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Record `index` of a log file; its row belongs in `dir`.
    Record {
        /// The log file.
        file: FileId,
        /// Place in `Records`.
        index: u32,
        /// Directory of its row.
        dir: String,
    },
    /// The end of a log file's content number `version` with so many records; `None` when it could not be read.
    End {
        /// The log file.
        file: FileId,
        /// Which content.
        version: usize,
        /// Number of records.
        records: Option<u32>,
    },
    /// Not one of ours.
    Foreign,
}

/// A row that must be in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The log file and the index in it (none for an end message); `None` for a foreign message.
    pub identity: Option<(FileId, Option<u32>)>,
    /// Its directory.
    pub dir: String,
    /// Status of a log file, for a row of `log_files/`.
    pub status: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    Next(u32),
    Unreadable(usize),
    Done { version: usize, records: u32, altered: Option<usize> },
}

/// Why a message makes no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It was taken before.
    Duplicate,
    /// It belongs to a run that broke off.
    Ahead,
}

/// One partition: for each offset the row, or why there is none.
#[derive(Debug, Default)]
pub struct Expected {
    files: HashMap<FileId, Known>,
    rows: Vec<Result<Row, Dropped>>,
    clock: Vec<i64>,
}

impl Expected {
    /// The next message of the partition.
    pub fn append(&mut self, said: &Said, timestamp: i64) {
        let row = self.judge(said);
        self.rows.push(row);
        self.clock.push(self.clock.last().copied().unwrap_or_default().max(timestamp));
    }

    /// What became of the message at `offset`.
    pub fn at(&self, offset: u64) -> Option<&Result<Row, Dropped>> {
        self.rows.get(usize::try_from(offset).ok()?)
    }

    /// The messages of `[start, end)`.
    pub fn range(&self, start: u64, end: u64) -> &[Result<Row, Dropped>] {
        self.rows.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The largest timestamp up to the message at `offset`.
    pub fn clock_at(&self, offset: u64) -> Option<i64> {
        self.clock.get(usize::try_from(offset).ok()?).copied()
    }

    fn judge(&mut self, said: &Said) -> Result<Row, Dropped> {
        match said {
            Said::Foreign => {
                let dir = "rejected/delivery_date=__HIVE_DEFAULT_PARTITION__".to_owned();
                Ok(Row { identity: None, dir, status: None })
            }
            Said::Record { file, index, dir } => {
                let next = match self.files.get(file) {
                    Some(Known::Next(next)) => *next,
                    // All of it was taken: nothing that comes later is needed.
                    Some(Known::Done { records, .. }) => {
                        return Err(if index < records { Dropped::Duplicate } else { Dropped::Ahead });
                    }
                    Some(Known::Unreadable(_)) | None => 0,
                };
                if *index != next {
                    return Err(if *index < next { Dropped::Duplicate } else { Dropped::Ahead });
                }
                self.files.insert(*file, Known::Next(next + 1));
                Ok(Row { identity: Some((*file, Some(*index))), dir: dir.clone(), status: None })
            }
            Said::End { file, version, records } => {
                let status = self.end(*file, *version, *records)?;
                Ok(Row { identity: Some((*file, None)), dir: "log_files".to_owned(), status: Some(status) })
            }
        }
    }

    fn end(&mut self, file: FileId, version: usize, records: Option<u32>) -> Result<&'static str, Dropped> {
        let known = self.files.get(&file).copied().unwrap_or(Known::Next(0));
        let (known, status) = match (known, records) {
            (Known::Done { version: taken, records, altered }, _) => {
                if taken == version || altered == Some(version) {
                    return Err(Dropped::Duplicate);
                }
                (Known::Done { version: taken, records, altered: Some(version) }, "altered")
            }
            (Known::Next(next), Some(records)) if next == records => {
                (Known::Done { version, records, altered: None }, "complete")
            }
            (Known::Unreadable(_), Some(0)) => (Known::Done { version, records: 0, altered: None }, "complete"),
            (_, Some(_)) => return Err(Dropped::Ahead),
            (Known::Unreadable(told), None) if told == version => return Err(Dropped::Duplicate),
            (Known::Next(0) | Known::Unreadable(_), None) => (Known::Unreadable(version), "quarantined"),
            (Known::Next(_), None) => return Err(Dropped::Duplicate),
        };
        self.files.insert(file, known);
        Ok(status)
    }
}
