//! The record that a row says there was, in AWS's own shape: columns under their source names, structs as objects, bodies parsed, `extra`
//! merged in.
//!
//! The inverse of normalizer and table together, written from the contract and not from their code.

use super::canonical_json::Node;
use super::columns::{int64, text, value};
use super::event_time::{read, written};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray};
use arrow_schema::DataType;
use common::event::{FIELDS, Kind, Reason};
use common::limits::{MAX_RECORD_BYTES, MAX_REJECTED_RAW_BYTES};
use std::borrow::Cow;

/// Characters of a rejected record that are compared: their bytes are well below what the table cuts raw text to.
const RAW_CHARS: usize = MAX_REJECTED_RAW_BYTES / 8;

/// Objects that have columns for their members: `null` is absent in them, and what has no column is in `extra` under their name.
pub(crate) const TAKEN_APART: [&str; 2] = ["userIdentity", "tlsDetails"];

/// One column with its field's name with AWS.
enum Column<'a> {
    Time(&'a TimestampMicrosecondArray),
    Text(&'a StringArray),
    Flag(&'a BooleanArray),
    Body(&'a StringArray),
    Struct(&'a StructArray),
}

/// The columns of one record batch of `data/`.
pub(crate) struct Events<'a> {
    columns: Vec<(&'static str, Column<'a>)>,
    extra: &'a StringArray,
}

impl<'a> Events<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Result<Events<'a>, String> {
        let columns = FIELDS.iter().map(|field| {
            let array: &'a ArrayRef =
                batch.column_by_name(field.name).ok_or_else(|| format!("it has no column {:?}", field.name))?;
            let column = match field.kind {
                Kind::Time => array.as_primitive_opt::<TimestampMicrosecondType>().map(Column::Time),
                Kind::Text => array.as_string_opt().map(Column::Text),
                Kind::Flag => array.as_boolean_opt().map(Column::Flag),
                Kind::Body => array.as_string_opt().map(Column::Body),
                Kind::Struct => array.as_struct_opt().map(Column::Struct),
            };
            Ok((field.source, column.ok_or_else(|| format!("column {:?} is of another type", field.name))?))
        });
        Ok(Events { columns: columns.collect::<Result<_, String>>()?, extra: text(batch, "extra")? })
    }

    /// The record of a row.
    ///
    /// # Errors
    /// In words: what the row holds cannot have been a record.
    pub(crate) fn at(&self, row: usize) -> Result<Node<'a>, String> {
        let mut members: Vec<(Cow<'a, str>, Node<'a>)> = Vec::with_capacity(FIELDS.len());
        for (source, column) in &self.columns {
            let node = match column {
                Column::Time(array) => array.is_valid(row).then(|| time(array.value(row))).transpose()?,
                Column::Text(array) => value(array, row).map(|text| Node::Text(text.into())),
                Column::Flag(array) => {
                    array.is_valid(row).then(|| Node::Plain(if array.value(row) { "true" } else { "false" }.into()))
                }
                Column::Body(array) => value(array, row).map(|text| json(source, text)).transpose()?,
                Column::Struct(array) => object(array, row)?,
            };
            members.extend(node.map(|node| (Cow::Borrowed(*source), node)));
        }
        if let Some(extra) = value(self.extra, row) {
            let Node::Object(extra) = json("extra", extra)? else { return Err("extra is not an object".to_owned()) };
            for (key, node) in extra {
                add(&mut members, key, node)?;
            }
        }
        Ok(shaped(members))
    }
}

/// What is compared of a record, on both sides: no `null` where the table has none, members sorted by key.
pub(crate) fn shaped<'a>(mut members: Vec<(Cow<'a, str>, Node<'a>)>) -> Node<'a> {
    members.retain(|(_, node)| !node.is_null());
    for (key, node) in &mut members {
        if TAKEN_APART.contains(&&**key) {
            node.drop_nulls();
        }
    }
    members.sort_by(|a, b| a.0.cmp(&b.0));
    Node::Object(members)
}

fn json<'a>(name: &str, text: &'a str) -> Result<Node<'a>, String> {
    Node::parse(text).map_err(|error| format!("{name} is not JSON: {error}"))
}

/// A member of `extra`: new, a part of an object that was taken apart, or the source text of an event time that was rewritten.
fn add<'a>(members: &mut Vec<(Cow<'a, str>, Node<'a>)>, key: Cow<'a, str>, node: Node<'a>) -> Result<(), String> {
    let Some((_, held)) = members.iter_mut().find(|(held, _)| *held == key) else {
        if key == "eventTime"
            && let Node::Text(text) = &node
            && read(text).is_some()
        {
            return Err(format!("event_time is NULL although {text:?} is a time"));
        }
        members.push((key, node));
        return Ok(());
    };
    match (held, node) {
        (Node::Text(time), Node::Text(original)) if key == "eventTime" => {
            if read(&original).and_then(written).is_none_or(|canonical| canonical != *time) {
                return Err(format!("event_time is {time:?} although the source says {original:?}"));
            }
            *time = original;
            Ok(())
        }
        (Node::Object(held), Node::Object(rest)) if TAKEN_APART.contains(&&*key) => merge(held, rest),
        _ => Err(format!("{key:?} stands in a column and in extra")),
    }
}

/// A time as AWS writes it.
fn time<'a>(micros: i64) -> Result<Node<'a>, String> {
    written(micros)
        .map(|text| Node::Text(text.into()))
        .ok_or_else(|| format!("event_time is {micros} µs, which is no time of the contract"))
}

fn merge<'a>(held: &mut Vec<(Cow<'a, str>, Node<'a>)>, rest: Vec<(Cow<'a, str>, Node<'a>)>) -> Result<(), String> {
    for (key, node) in rest {
        match held.iter_mut().find(|(held, _)| *held == key) {
            None => held.push((key, node)),
            Some((_, Node::Object(inner))) => {
                let Node::Object(node) = node else { return Err(format!("{key:?} stands in a column and in extra")) };
                merge(inner, node)?;
            }
            Some(_) => return Err(format!("{key:?} stands in a column and in extra")),
        }
    }
    held.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(())
}

/// A struct as the object it was made of.
fn object<'a>(array: &'a StructArray, row: usize) -> Result<Option<Node<'a>>, String> {
    if array.is_null(row) {
        return Ok(None);
    }
    let DataType::Struct(fields) = array.data_type() else { return Ok(None) };
    let mut members = Vec::new();
    for (field, column) in fields.iter().zip(array.columns()) {
        let node = match (column.as_struct_opt(), column.as_string_opt::<i32>()) {
            (Some(inner), _) => object(inner, row)?,
            // The one member that keeps its shape: the identity provider's own attributes (`webIdFederationData.attributes`).
            (None, Some(column)) if field.name() == "attributes" => {
                value(column, row).map(|text| json("attributes", text)).transpose()?
            }
            (None, Some(column)) => value(column, row).map(|text| Node::Text(text.into())),
            (None, None) => return Err(format!("column {:?} is of another type", field.name())),
        };
        members.extend(node.map(|node| (Cow::Owned(camel(field.name())), node)));
    }
    members.sort_by(|a: &(Cow<'_, str>, _), b| a.0.cmp(&b.0));
    Ok(Some(Node::Object(members)))
}

/// AWS's spelling of a name within a struct: `principal_id` is `principalId`.
fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if std::mem::take(&mut upper) => camel.extend(c.to_uppercase()),
            c => camel.push(c),
        }
    }
    camel
}

/// What is compared of a rejected record: the start of its text and its length.
pub(crate) fn rejected<'a>(raw: &str, raw_bytes: usize) -> Node<'a> {
    let end = raw.char_indices().nth(RAW_CHARS).map_or(raw.len(), |(at, _)| at);
    Node::Array(vec![
        Node::Plain("rejected".into()),
        Node::Text(raw[..end].to_owned().into()),
        Node::Plain(raw_bytes.to_string().into()),
    ])
}

/// The rejected record of a row of `rejected/`.
///
/// # Errors
/// In words: the reason is none of the contract's, or the text contradicts it.
pub(crate) fn rejected_row<'a>(batch: &RecordBatch, row: usize) -> Result<Node<'a>, String> {
    let reason = value(text(batch, "reason")?, row).unwrap_or("");
    let raw = value(text(batch, "raw")?, row).unwrap_or("");
    let lengths = int64(batch, "raw_bytes")?;
    let bytes = if lengths.is_valid(row) { usize::try_from(lengths.value(row)).unwrap_or(0) } else { 0 };
    let known = Reason::ALL.into_iter().find(|known| known.as_str() == reason);
    let whole = raw.len() == bytes;
    let fits = match known {
        None => return Err(format!("rejected for {reason:?}, which no record is rejected for")),
        Some(Reason::NotAnObject) => !whole || Node::parse(raw).is_ok_and(|node| !matches!(node, Node::Object(_))),
        // A record within the limit makes a message within the limit; only names of the longest kind come between.
        Some(Reason::TooLarge) => bytes > MAX_RECORD_BYTES / 2,
        Some(Reason::InvalidUtf8) => !whole || raw.contains(char::REPLACEMENT_CHARACTER),
        Some(Reason::InvalidJson | Reason::LoneSurrogate) => !whole || Node::parse(raw).is_err(),
        Some(Reason::TooDeep) => bytes > 100,
        Some(Reason::RepeatedKey) => !whole || matches!(Node::parse(raw), Ok(Node::Object(_))),
    };
    if fits { Ok(rejected(raw, bytes)) } else { Err(format!("rejected for {reason:?}, but its text is not so")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_structs_are_spelled_as_aws_does() {
        for (ours, aws) in
            [("arn", "arn"), ("web_id_federation_data", "webIdFederationData"), ("ec2_issued_in_vpc", "ec2IssuedInVpc")]
        {
            assert_eq!(camel(ours), aws);
        }
    }

    #[test]
    fn a_rewritten_event_time_must_be_the_same_moment() {
        let column = || vec![(Cow::Borrowed("eventTime"), Node::Text("2023-07-10T12:34:56.5Z".into()))];
        let original = |text: &'static str| Node::Text(text.into());
        let mut members = column();
        assert_eq!(add(&mut members, "eventTime".into(), original("2023-07-10T12:34:56.500Z")), Ok(()));
        assert_eq!(members[0].1, original("2023-07-10T12:34:56.500Z"));
        assert!(add(&mut column(), "eventTime".into(), original("2023-07-10T12:34:57Z")).is_err());
        assert!(add(&mut column(), "eventTime".into(), Node::Plain("5".into())).is_err());
        assert!(add(&mut Vec::new(), "eventTime".into(), original("2023-07-10T12:34:57Z")).is_err());
        assert!(add(&mut Vec::new(), "eventTime".into(), original("yesterday")).is_ok());
    }
}
