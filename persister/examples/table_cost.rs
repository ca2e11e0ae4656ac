//! Measures what a row costs on its way from a message into a Parquet file: `table_cost MESSAGES REPEAT [OUT_DIR]`.
//! `MESSAGES` has one message a line: key, tab, value. Times are of the processor (Linux), so that neighbours do not count.

use common::message::Key;
use persister::table::{FileWriter, Footer, LAYOUT_VERSION, Layout, Rows, SCHEMA_VERSION, rows_digest_of_file};

/// Seconds that this thread has run.
fn cpu() -> Result<f64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos / 1e9)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let bytes = std::fs::read(&arguments[1])?;
    let repeat: u64 = arguments[2].parse()?;
    let messages: Vec<(Option<Key>, &[u8], &[u8])> = bytes
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.iter().position(|&byte| byte == b'\t').map(|tab| (&line[..tab], &line[tab + 1..])))
        .map(|(key, value)| (Key::parse(key), key, value))
        .collect();
    let value_bytes: usize = messages.iter().map(|message| message.2.len()).sum();
    let started = cpu()?;
    for _ in 0..repeat {
        for (_, _, value) in &messages {
            std::hint::black_box(persister::table::decode::decode(value).is_ok());
        }
    }
    println!("decode {:.2} us/row", (cpu()? - started) * 1e6 / (messages.len() as u64 * repeat) as f64);
    let started = cpu()?;
    for _ in 0..repeat {
        for (_, _, value) in &messages {
            std::hint::black_box(std::str::from_utf8(value).ok().map(|text| common::cloudtrail::json::check(text).is_ok()));
        }
    }
    println!("of which the JSON scan {:.2} us/row", (cpu()? - started) * 1e6 / (messages.len() as u64 * repeat) as f64);
    let mut rows = Rows::new(Layout::Date);
    let started = cpu()?;
    let mut offset = 0;
    for _ in 0..repeat {
        for (key, key_bytes, value) in &messages {
            rows.append(0, offset, *key, key_bytes, value);
            offset += 1;
        }
    }
    let append = cpu()? - started;
    println!(
        "{} rows of {} B, {} directories, {} B pending",
        rows.rows(),
        value_bytes / messages.len(),
        rows.directories(),
        rows.pending_bytes()
    );
    println!("decode + append {:.2} us/row", append * 1e6 / offset as f64);
    let started = cpu()?;
    let (mut encoded, mut files) = (0, Vec::new());
    for part in rows.finish()? {
        let mut writer = FileWriter::new(part.kind)?;
        for batch in part.rest {
            writer.write(batch)?;
        }
        let footer = Footer {
            topic: "t".to_owned(),
            epoch: "1".to_owned(),
            partition: 0,
            seq: 0,
            start: 0,
            end: offset,
            rows: part.rows,
            rows_sha256: part.digest,
            layout: Layout::Date,
            layout_version: LAYOUT_VERSION,
            schema_version: SCHEMA_VERSION,
        };
        let file = writer.finish(&footer)?;
        encoded += file.len();
        files.push((part.dir, part.rows, part.digest, file));
    }
    println!(
        "encode {:.2} us/row, {} files, {} B, {:.1} times smaller than the values",
        (cpu()? - started) * 1e6 / offset as f64,
        files.len(),
        encoded,
        value_bytes as f64 * repeat as f64 / encoded as f64
    );
    let started = cpu()?;
    for (dir, rows, digest, file) in files {
        if let Some(out) = arguments.get(3) {
            std::fs::create_dir_all(format!("{out}/{dir}"))?;
            std::fs::write(format!("{out}/{dir}/0.parquet"), &file)?;
        }
        assert_eq!(rows_digest_of_file(file.into())?, (rows, digest), "{dir}");
    }
    println!("digest check {:.2} us/row", (cpu()? - started) * 1e6 / offset as f64);
    Ok(())
}
