//! What is printed: a short table for people, or one JSON object for scripts. Text from a log file is escaped before it reaches a terminal.

use super::findings::{Check, Findings};
use super::listed::Listed;
use indicatif::HumanCount;
use serde::Serialize;
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
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) table: String,
    pub(crate) source: Option<String>,
    pub(crate) stream: Option<String>,
    pub(crate) findings: Findings,
    pub(crate) counts: Counts,
    /// Log files or batches that are no violation but of interest, by kind.
    pub(crate) notes: Vec<(&'static str, Listed)>,
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
    /// True when nothing is wrong.
    pub(crate) fn is_exact(&self) -> bool {
        self.findings.total() == 0
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
        let notes: serde_json::Map<String, serde_json::Value> =
            self.notes.iter().map(|(name, listed)| ((*name).to_owned(), serde_json::json!(listed))).collect();
        serde_json::json!({
            "exact": self.is_exact(),
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
        let (green, red, plain) = if with_colour { ("\u{1b}[32m", "\u{1b}[31m", "\u{1b}[0m") } else { ("", "", "") };
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
            let _ = writeln!(out, "{red}{} wrong{plain}", HumanCount(found.violations));
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
        let _ = match self.findings.total() {
            0 => writeln!(out, "\n{green}exact{plain}: {}", self.verdict()),
            1 => writeln!(out, "\n{red}not exact{plain}: 1 violation"),
            total => writeln!(out, "\n{red}not exact{plain}: {} violations", HumanCount(total)),
        };
        out
    }

    fn write_notes(&self, out: &mut String) {
        for (name, listed) in self.notes.iter().filter(|(_, listed)| listed.count > 0) {
            let _ = writeln!(out, "\n  {} {}:", HumanCount(listed.count), name.replace('_', " "));
            for named in &listed.first {
                let _ = writeln!(out, "        {}  ({})", named.source_object, named.why);
            }
            let more = listed.count.saturating_sub(listed.first.len() as u64);
            if more > 0 {
                let _ = writeln!(out, "        and {} more", HumanCount(more));
            }
        }
    }

    fn verdict(&self) -> String {
        let counts = &self.counts;
        let rows = format!(
            "{} of {} log files {} in the table once",
            amount(counts.data_rows + counts.rejected_rows, "record"),
            HumanCount(counts.log_files),
            if counts.data_rows + counts.rejected_rows == 1 { "is" } else { "are" }
        );
        match self.source {
            Some(_) => format!("{rows}, value by value as in the source"),
            None => rows,
        }
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
        Report { table: "t".into(), source: None, stream: None, findings: Findings::default(), counts, notes: Vec::new() }
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
        assert!(text.contains("and 5 more") && text.contains("not exact: 25 violations"), "{text}");
        let json = report.to_json();
        assert_eq!((&json["exact"], &json["checks"][1]["violations"]), (&false.into(), &25.into()));
        assert_eq!(json["checks"][1]["invariant"], "C1");
    }
}
