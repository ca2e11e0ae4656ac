//! The structures of `parquet.thrift` that our files have: number, whether it must be there, type.

use super::thrift::Type::{self, Binary, Bool, I8, I16, I32, I64, List, Struct, Union};

const NOTHING: Type = Struct(&[]);

const STATISTICS: Type = Struct(&[
    (1, false, Binary),
    (2, false, Binary),
    (3, false, I64),
    (4, false, I64),
    (5, false, Binary),
    (6, false, Binary),
    (7, false, Bool),
    (8, false, Bool),
]);

const TIME: Type = Struct(&[(1, true, Bool), (2, true, Union(&[(1, false, NOTHING), (2, false, NOTHING), (3, false, NOTHING)]))]);

const LOGICAL_TYPE: Type = Union(&[
    (1, false, NOTHING),
    (2, false, NOTHING),
    (3, false, NOTHING),
    (4, false, NOTHING),
    (6, false, NOTHING),
    (7, false, TIME),
    (8, false, TIME),
    (10, false, Struct(&[(1, true, I8), (2, true, Bool)])),
    (12, false, NOTHING),
]);

const SCHEMA_ELEMENT: Type = Struct(&[
    (1, false, I32),
    (2, false, I32),
    (3, false, I32),
    (4, true, Binary),
    (5, false, I32),
    (6, false, I32),
    (7, false, I32),
    (8, false, I32),
    (9, false, I32),
    (10, false, LOGICAL_TYPE),
]);

const KEY_VALUE: Type = Struct(&[(1, true, Binary), (2, false, Binary)]);

const SIZES: Type = Struct(&[(1, false, I64), (2, false, List(&I64)), (3, false, List(&I64))]);

const COLUMN: Type = Struct(&[
    (1, true, I32),
    (2, true, List(&I32)),
    (3, true, List(&Binary)),
    (4, true, I32),
    (5, true, I64),
    (6, true, I64),
    (7, true, I64),
    (8, false, List(&KEY_VALUE)),
    (9, true, I64),
    (10, false, I64),
    (11, false, I64),
    (12, false, STATISTICS),
    (13, false, List(&Struct(&[(1, true, I32), (2, true, I32), (3, true, I32)]))),
    (14, false, I64),
    (15, false, I32),
    (16, false, SIZES),
]);

const CHUNK: Type =
    Struct(&[(2, true, I64), (3, true, COLUMN), (4, false, I64), (5, false, I32), (6, false, I64), (7, false, I32)]);

const ROW_GROUP: Type = Struct(&[
    (1, true, List(&CHUNK)),
    (2, true, I64),
    (3, true, I64),
    (4, false, List(&Struct(&[(1, true, I32), (2, true, Bool), (3, true, Bool)]))),
    (5, false, I64),
    (6, false, I64),
    (7, false, I16),
]);

pub(super) const FILE: Type = Struct(&[
    (1, true, I32),
    (2, true, List(&SCHEMA_ELEMENT)),
    (3, true, I64),
    (4, true, List(&ROW_GROUP)),
    (5, false, List(&KEY_VALUE)),
    (6, false, Binary),
    (7, false, List(&Union(&[(1, false, NOTHING)]))),
]);

pub(super) const PAGE: Type = Struct(&[
    (1, true, I32),
    (2, true, I32),
    (3, true, I32),
    (4, false, I32),
    (5, false, Struct(&[(1, true, I32), (2, true, I32), (3, true, I32), (4, true, I32), (5, false, STATISTICS)])),
    (7, false, Struct(&[(1, true, I32), (2, true, I32), (3, false, Bool)])),
    (
        8,
        false,
        Struct(&[
            (1, true, I32),
            (2, true, I32),
            (3, true, I32),
            (4, true, I32),
            (5, true, I32),
            (6, true, I32),
            (7, false, Bool),
            (8, false, STATISTICS),
        ]),
    ),
]);

pub(super) const OFFSET_INDEX: Type =
    Struct(&[(1, true, List(&Struct(&[(1, true, I64), (2, true, I32), (3, true, I64)]))), (2, false, List(&I64))]);

pub(super) const COLUMN_INDEX: Type = Struct(&[
    (1, true, List(&Bool)),
    (2, true, List(&Binary)),
    (3, true, List(&Binary)),
    (4, true, I32),
    (5, false, List(&I64)),
    (6, false, List(&I64)),
    (7, false, List(&I64)),
]);

const ALGORITHM: Type = Union(&[(1, false, NOTHING)]);

pub(super) const BLOOM_FILTER: Type = Struct(&[(1, true, I32), (2, true, ALGORITHM), (3, true, ALGORITHM), (4, true, ALGORITHM)]);
