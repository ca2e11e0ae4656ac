//! What becomes of a request to the store.

use crate::chance::Chance;
use crate::store::Op;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Done and answered.
    Served,
    /// Done; the answer is lost.
    LostAfter,
    /// Not done, and nobody says so.
    LostBefore,
    /// Not answered, and done some time later.
    Late,
    /// 503: surely not done.
    Busy,
    /// 409: another put of this key was under way; surely not done.
    Conflict,
}

impl Fate {
    /// A fate for `op` where so many requests in a thousand go wrong.
    pub fn pick(op: &Op, faults: u64, chance: &mut Chance) -> Fate {
        if !chance.per_mille(faults) {
            return Fate::Served;
        }
        match (op, chance.below(5)) {
            (Op::PutIfAbsent(_), 0) => Fate::Conflict,
            (Op::PutIfAbsent(_) | Op::Put(_) | Op::Delete, 1) => Fate::LostAfter,
            (Op::PutIfAbsent(_) | Op::Put(_), 2) => Fate::Late,
            (_, 3) => Fate::LostBefore,
            _ => Fate::Busy,
        }
    }

    /// How it is counted; nothing for what went well.
    pub fn kind(self) -> Option<&'static str> {
        match self {
            Fate::Served => None,
            Fate::LostAfter => Some("store: answer lost after landing"),
            Fate::LostBefore => Some("store: answer lost before landing"),
            Fate::Late => Some("store: landed late"),
            Fate::Busy => Some("store: 503"),
            Fate::Conflict => Some("store: 409"),
        }
    }
}
