//! Thrift's compact protocol, read strictly: every field must be one that the structure has, in order and of its own type, and those that
//! must be there are. A reader that is more lenient takes some damaged bytes for the good ones.

use std::ops::Range;

/// A type of Parquet's definitions (`parquet.thrift`).
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Binary,
    List(&'static Type),
    /// Of fields by number, `true` where it must be there.
    Struct(&'static [(i16, bool, Type)]),
    /// A structure with exactly one of these fields.
    Union(&'static [(i16, bool, Type)]),
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Bytes(Range<usize>),
    List(Vec<Value>),
    Struct(Vec<(i16, Value)>),
}

impl Value {
    /// A field of a structure.
    pub(super) fn field(&self, id: i16) -> Option<&Value> {
        let Value::Struct(fields) = self else { return None };
        fields.iter().find(|(own, _)| *own == id).map(|(_, value)| value)
    }

    pub(super) fn number(&self, id: i16) -> Option<i64> {
        if let Some(Value::Number(number)) = self.field(id) { Some(*number) } else { None }
    }

    /// A field that is an offset or a length.
    pub(super) fn size(&self, id: i16) -> Option<usize> {
        self.number(id).and_then(|number| usize::try_from(number).ok())
    }

    pub(super) fn list(&self, id: i16) -> &[Value] {
        if let Some(Value::List(values)) = self.field(id) { values } else { &[] }
    }
}

/// Reads from a place in a file.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl Reader<'_> {
    /// A value of a type; `None` when the bytes are none.
    pub(super) fn value(&mut self, kind: Type) -> Option<Value> {
        Some(match kind {
            // Elsewhere than in a field it is a byte, and writers differ on which is false.
            Type::Bool => Value::Number(match self.byte()? {
                1 => 1,
                0 | 2 => 0,
                _ => return None,
            }),
            Type::I8 => Value::Number(i64::from(self.byte()?.cast_signed())),
            Type::I16 => Value::Number(self.number().filter(|number| i16::try_from(*number).is_ok())?),
            Type::I32 => Value::Number(self.number().filter(|number| i32::try_from(*number).is_ok())?),
            Type::I64 => Value::Number(self.number()?),
            Type::Binary => {
                let length = usize::try_from(self.varint()?).ok()?;
                let range = self.at..self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
                self.at = range.end;
                Value::Bytes(range)
            }
            Type::List(of) => self.list(*of)?,
            Type::Struct(fields) => self.fields(fields)?,
            Type::Union(fields) => {
                let value = self.fields(fields)?;
                if !matches!(&value, Value::Struct(fields) if fields.len() == 1) {
                    return None;
                }
                value
            }
        })
    }

    fn list(&mut self, of: Type) -> Option<Value> {
        let head = self.byte()?;
        let fits = head & 0x0f == wire(of) || matches!((of, head & 0x0f), (Type::Bool, 2));
        if !fits {
            return None;
        }
        let length = if head >> 4 == 15 { usize::try_from(self.varint()?).ok()? } else { usize::from(head >> 4) };
        // Each value has at least a byte, so no length makes us hold more than the file does.
        if length > self.bytes.len() - self.at {
            return None;
        }
        (0..length).map(|_| self.value(of)).collect::<Option<_>>().map(Value::List)
    }

    fn fields(&mut self, fields: &[(i16, bool, Type)]) -> Option<Value> {
        let (mut read, mut last) = (Vec::new(), 0);
        loop {
            let head = self.byte()?;
            if head == 0 {
                break;
            }
            // Short steps have their own form, and whoever writes uses it.
            let id = match i16::from(head >> 4) {
                0 => i16::try_from(self.number()?).ok().filter(|id| id - last > 15)?,
                step => last + step,
            };
            let (_, _, kind) = fields.iter().find(|(own, ..)| *own == id)?;
            let value = match (kind, head & 0x0f) {
                // Of a field the type is the value.
                (Type::Bool, 1) => Value::Number(1),
                (Type::Bool, 2) => Value::Number(0),
                (kind, found) if found == wire(*kind) && !matches!(kind, Type::Bool) => self.value(*kind)?,
                _ => return None,
            };
            read.push((id, value));
            last = id;
        }
        let is_there = |id: i16| read.iter().any(|(own, _)| *own == id);
        fields.iter().all(|(id, is_required, _)| !is_required || is_there(*id)).then_some(Value::Struct(read))
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // The shortest form only.
                return (byte != 0 || shift == 0).then_some(value);
            }
        }
        None
    }

    fn number(&mut self) -> Option<i64> {
        self.varint().map(|zigzag| (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed()))
    }
}

/// The number of a type on the wire.
fn wire(kind: Type) -> u8 {
    match kind {
        Type::Bool => 1,
        Type::I8 => 3,
        Type::I16 => 4,
        Type::I32 => 5,
        Type::I64 => 6,
        Type::Binary => 8,
        Type::List(_) => 9,
        Type::Struct(_) | Type::Union(_) => 12,
    }
}
