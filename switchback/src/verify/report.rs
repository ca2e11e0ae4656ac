//! What is printed: a short table for people, or one JSON object for scripts. Text from a log file is escaped before it reaches a terminal.

use super::against::Others;
use super::findings::{Check, Findings};
use super::listed::Listed;
use super::notes::{Bearing, Note, Notes};
use indicatif::HumanCount;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The numbers of a report. Keys of `--json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) partitions: u64,
    pub(crate) batches: u64,
    pub(crate) offsets: u64,
    pub(crate) dropped: u64,
    pub(crate) files: u64,
    pub(crate) data_rows: u64,
    pub(crate) rejected_rows: u64,
    pub(crate) log_file_rows: u64,
    pub(crate) log_files: u64,
    pub(crate) complete: u64,
    pub(crate) unfinished: u64,
    pub(crate) quarantined: u64,
    pub(crate) altered: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_log_files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_records: Option<u64>,
    /// Log files of the table that the source no longer has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_in_source: Option<u64>,
    /// Objects of the source that hold no records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_others: Option<Others>,
}

/// What was shown, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every record is in the table once. With a source: every record of every object of it.
    Exact,
    /// Nothing is wrong with what is there, but something is missing or was not compared.
    Incomplete,
    /// Objects of the table are gone or altered, or contradict one another or their log files.
    Damaged,
}

impl Verdict {
    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Verdict::Exact => "exact",
            Verdict::Incomplete => "incomplete",
            Verdict::Damaged => "damaged",
        }
    }
}

/// A reason for which a table is not called exact although nothing is damaged.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    id: &'static str,
    count: u64,
    words: (&'static str, &'static str),
    is_on_its_way: bool,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) table: String,
    pub(crate) source: Option<String>,
    pub(crate) stream: Option<String>,
    pub(crate) findings: Findings,
    pub(crate) counts: Counts,
    /// What is missing or not compared, by kind.
    pub(crate) notes: Notes,
    /// What is on its way is not held against the table.
    pub(crate) allow_in_flight: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    check: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invariant: Option<&'static str>,
    says: &'static str,
    ok: bool,
    violations: u64,
    examples: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

impl Report {
    /// What was shown.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.damages() > 0 {
            Verdict::Damaged
        } else if self.missing().is_empty() {
            Verdict::Exact
        } else {
            Verdict::Incomplete
        }
    }

    /// Violations that are more than something missing.
    fn damages(&self) -> u64 {
        self.findings.total() - self.findings.of(Check::Source).violations
    }

    /// What keeps a table from being exact, whatever is damaged.
    fn missing(&self) -> Vec<Missing> {
        let lacks = self.findings.of(Check::Source).violations;
        let words =
            ("log file of the source missing or not as it is there", "log files of the source missing or not as they are there");
        let lacks = (lacks > 0).then_some(Missing { id: Check::Source.id(), count: lacks, words, is_on_its_way: false });
        let in_flight = self.notes.of(Note::UnfinishedBatches).count;
        // Of a table with nothing but what is on its way nothing was shown.
        let lets_pass = self.allow_in_flight && (in_flight == 0 || in_flight < self.counts.batches);
        let notes = self.notes.iter().filter_map(|(note, listed)| {
            let is_on_its_way = match note.bearing() {
                Bearing::None => return None,
                Bearing::OnItsWay if lets_pass => return None,
                bearing => bearing == Bearing::OnItsWay,
            };
            Some(Missing { id: note.id(), count: listed.count, words: note.words(), is_on_its_way })
        });
        lacks.into_iter().chain(notes).collect()
    }

    fn checks(&self) -> impl Iterator<Item = Check> {
        let has_source = self.source.is_some();
        Check::ALL.into_iter().filter(move |check| has_source || !check.needs_source())
    }

    /// One JSON object.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let lines: Vec<Line<'_>> = self
            .checks()
            .map(|check| {
                let found = self.findings.of(check);
                Line {
                    check: check.id(),
                    invariant: check.invariant().map(|invariant| invariant.id()),
                    says: check.says(),
                    ok: found.violations == 0,
                    violations: found.violations,
                    examples: &found.examples,
                    remedy: (found.violations > 0).then(|| check.remedy()),
                }
            })
            .collect();
        let notes: BTreeMap<&str, &Listed> = Note::ALL.into_iter().map(|note| (note.id(), self.notes.of(note))).collect();
        let missing = self.missing();
        serde_json::json!({
            "verdict": self.verdict().as_str(),
            "missing": missing.iter().map(|missing| (missing.id, missing.count)).collect::<BTreeMap<_, _>>(),
            "on_its_way": !missing.is_empty() && missing.iter().all(|missing| missing.is_on_its_way),
            "table": self.table,
            "source": self.source,
            "stream": self.stream,
            "violations": self.findings.total(),
            "checks": lines,
            "counts": self.counts,
            "notes": notes,
        })
    }

    /// A table for people.
    pub(crate) fn to_text(&self, with_colour: bool) -> String {
        let colour = |code| if with_colour { code } else { "" };
        let [green, yellow, red, plain] = ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m", "\u{1b}[0m"].map(colour);
        let mut out = format!("table   {}\n", self.table);
        // Writing to a String cannot fail.
        if let Some(source) = &self.source {
            let _ = writeln!(out, "source  {source}");
        }
        let _ = writeln!(out);
        let lines: Vec<(Check, String)> = self.checks().map(|check| (check, self.numbers(check))).collect();
        let width = |of: &dyn Fn(&(Check, String)) -> usize| lines.iter().map(of).max().unwrap_or(0);
        let (says, numbers) = (width(&|line| line.0.says().len()), width(&|line| line.1.chars().count()));
        for (check, text) in &lines {
            let found = self.findings.of(*check);
            let id = check.invariant().map_or("", |invariant| invariant.id());
            let _ = write!(out, "  {id:2}  {:says$}   {text:numbers$}   ", check.says());
            if found.violations == 0 {
                let _ = writeln!(out, "{green}ok{plain}");
                continue;
            }
            let (colour, what) = if *check == Check::Source { (yellow, "missing") } else { (red, "wrong") };
            let _ = writeln!(out, "{colour}{} {what}{plain}", HumanCount(found.violations));
            for example in &found.examples {
                let _ = writeln!(out, "        {example}");
            }
            let more = found.violations.saturating_sub(found.described);
            if more > 0 {
                let _ = writeln!(out, "        and {} more", HumanCount(more));
            }
            let _ = writeln!(out, "      ▸ {}", check.remedy());
        }
        self.write_notes(&mut out);
        let verdict = self.verdict();
        let (colour, why) = match verdict {
            Verdict::Exact => (green, self.shown()),
            Verdict::Incomplete => (yellow, self.lacking()),
            Verdict::Damaged => (red, amount(self.damages(), "violation")),
        };
        let _ = writeln!(out, "\n{colour}{}{plain}: {why}", verdict.as_str());
        out
    }

    fn write_notes(&self, out: &mut String) {
        for (note, listed) in self.notes.iter() {
            let (one, many) = note.words();
            let _ = writeln!(out, "\n  {}:", plural(listed.count, one, many));
            for named in &listed.first {
                let _ = writeln!(out, "        {}  ({})", named.source_object, named.why);
            }
            let more = listed.count.saturating_sub(listed.first.len() as u64);
            if more > 0 {
                let _ = writeln!(out, "        and {} more", HumanCount(more));
            }
        }
    }

    /// What an exact table was shown to hold.
    fn shown(&self) -> String {
        let (counts, records) = (&self.counts, self.counts.data_rows + self.counts.rejected_rows);
        if counts.batches == 0 {
            return match self.source {
                Some(_) => "nothing is there: the table is empty, and no log file is in the source".to_owned(),
                None => "nothing is there: the table is empty".to_owned(),
            };
        }
        let is = if records == 1 { "is" } else { "are" };
        let source = if self.source.is_some() { ", value by value as in the source" } else { "" };
        let (records, log_files) = (amount(records, "record"), amount(counts.log_files, "log file"));
        format!("{records} of {log_files} {is} in the table once{source}")
    }

    /// What an incomplete table lacks.
    fn lacking(&self) -> String {
        let missing = self.missing();
        let each: Vec<String> = missing.iter().map(|missing| plural(missing.count, missing.words.0, missing.words.1)).collect();
        let is_lag = missing.iter().all(|missing| missing.is_on_its_way);
        format!("{}{}", each.join(", "), if is_lag { "; on the way, nothing else is missing" } else { "" })
    }

    fn numbers(&self, check: Check) -> String {
        let counts = &self.counts;
        let source = |n: Option<u64>| n.unwrap_or(0);
        match check {
            Check::Stream => self.stream.clone().unwrap_or_else(|| "unknown".to_owned()),
            Check::Chain => format!(
                "{}, {}, {}",
                amount(counts.partitions, "partition"),
                plural(counts.batches, "batch", "batches"),
                amount(counts.offsets, "offset")
            ),
            Check::Files => amount(counts.files, "file"),
            Check::Rows => {
                format!(
                    "{}, {} rejected, {}",
                    amount(counts.data_rows, "event"),
                    HumanCount(counts.rejected_rows),
                    amount(counts.log_file_rows, "end")
                )
            }
            Check::Orphans => amount(self.findings.of(check).violations, "file"),
            Check::Once => {
                format!("{}, {} dropped", amount(counts.data_rows + counts.rejected_rows, "record"), HumanCount(counts.dropped))
            }
            Check::Dense => format!("{} of {}", HumanCount(counts.complete), amount(counts.log_files, "log file")),
            Check::Ledger => amount(counts.log_files, "log file"),
            Check::Source => amount(source(counts.source_log_files), "log file"),
            Check::Values => amount(source(counts.source_records), "record"),
        }
    }
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", HumanCount(n), if n == 1 { one } else { many })
}

fn amount(n: u64, what: &str) -> String {
    plural(n, what, &format!("{what}s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let counts = Counts { partitions: 4, batches: 312, offsets: 1_204_331, ..Counts::default() };
        Report {
            table: "t".into(),
            source: None,
            stream: None,
            findings: Findings::default(),
            counts,
            notes: Notes::default(),
            allow_in_flight: false,
        }
    }

    /// The last line, which is the verdict.
    fn last(report: &Report) -> String {
        report.to_text(false).lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_clean_table_gets_one_line_a_check_and_a_verdict() {
        let text = report().to_text(false);
        assert!(
            text.contains("C1  chain links hold and offsets tile")
                && text.contains("4 partitions, 312 batches, 1,204,331 offsets"),
            "{text}"
        );
        assert_eq!(text.matches(" ok\n").count(), 8, "{text}");
        assert!(text.contains("\nexact: ") && !text.contains('\u{1b}'), "{text}");
        assert!(report().to_text(true).contains("\u{1b}[32mok"));
    }

    #[test]
    fn violations_are_told_below_their_check_and_in_json() {
        let mut report = report();
        for n in 0..25 {
            report.findings.add(Check::Chain, format!("record {n}"));
        }
        let text = report.to_text(false);
        assert!(text.contains("25 wrong") && text.contains("record 19") && !text.contains("record 20"), "{text}");
        assert!(text.contains("and 5 more") && text.contains("damaged: 25 violations"), "{text}");
        let json = report.to_json();
        assert_eq!((&json["verdict"], &json["checks"][1]["violations"]), (&"damaged".into(), &25.into()));
        assert_eq!(json["checks"][1]["invariant"], "C1");
    }

    #[test]
    fn what_is_missing_makes_a_table_incomplete_and_is_named() {
        let mut report = report();
        report.notes.add(Note::Vanished, "a", "it was listed");
        assert_eq!(report.verdict(), Verdict::Exact);
        report.notes.add(Note::UnfinishedLogFiles, "b", "5 records so far");
        assert_eq!(last(&report), "incomplete: 1 unfinished log file; on the way, nothing else is missing");
        assert_eq!(report.to_json()["on_its_way"], true);
        report.allow_in_flight = true;
        assert_eq!(report.verdict(), Verdict::Exact);
        report.notes.add(Note::Quarantined, "c", "not_gzip");
        report.findings.add(Check::Source, "d");
        let words = "incomplete: 1 log file of the source missing or not as it is there, 1 quarantined log file";
        assert_eq!(last(&report), words);
        let json = report.to_json();
        assert_eq!((&json["verdict"], &json["on_its_way"]), (&"incomplete".into(), &false.into()));
        assert_eq!(json["missing"], serde_json::json!({"quarantined_log_files": 1, "source": 1}));
        report.findings.add(Check::Values, "e");
        assert_eq!(last(&report), "damaged: 1 violation");
    }

    #[test]
    fn nothing_shown_is_not_exact_and_nothing_there_is_said() {
        let mut report = report();
        report.counts.batches = 0;
        assert_eq!(last(&report), "exact: nothing is there: the table is empty");
        report.counts.batches = 1;
        report.allow_in_flight = true;
        report.notes.add(Note::UnfinishedBatches, "batch 0 of partition 0", "1 of 1 files are not there");
        assert_eq!(last(&report), "incomplete: 1 unfinished batch; on the way, nothing else is missing");
    }
}
