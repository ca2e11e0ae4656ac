//! Single bits flipped in a finished Parquet file: each is told, or changes no value; none makes the verification panic.

use super::*;
use arrow_select::concat::concat_batches;
use persister::sink::parquet::schema::schema;

/// Flips in one file.
const FLIPS: u64 = 300;

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn rows(bytes: Vec<u8>, kind: RowKind) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let batch = concat_batches(&batches[0].schema(), &batches).unwrap();
    assert_eq!(batch.schema().fields(), schema(kind).fields());
    batch
}

#[test]
fn a_flipped_bit_is_told_or_changes_no_value() {
    let world = World { dir: TempDir::new().unwrap() };
    world.put_source(&object("A"), &log_file((0..9).map(record)));
    world.put_source(&object("B"), &log_file((0..30).map(|n| record(3 * n))));
    world.ingest();
    assert_eq!(world.verify(true, false).verdict(), Verdict::Exact);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let args = VerifyArgs {
        table: world.path("table").to_str().unwrap().to_owned(),
        against: Some(world.path("source").to_str().unwrap().to_owned()),
        allow_in_flight: false,
        json: false,
    };
    for (root, kind) in [("data", RowKind::Data), ("log_files", RowKind::LogFile)] {
        let key = world.key(root, "-s0-");
        let good = fs::read(world.table(&key)).unwrap();
        let before = rows(good.clone(), kind);
        let mut told = 0;
        for seed in 0..FLIPS {
            let mut state = seed;
            let (at, bit) = (random(&mut state) as usize % good.len(), random(&mut state) % 8);
            let mut flipped = good.clone();
            flipped[at] ^= 1 << bit;
            fs::write(world.table(&key), &flipped).unwrap();
            let report = runtime.block_on(verify(&args)).unwrap_or_else(|error| panic!("byte {at} bit {bit}: {error:#}"));
            match report.verdict() {
                Verdict::Exact => assert_eq!(rows(flipped, kind), before, "byte {at} bit {bit} of {key}"),
                _ => told += 1,
            }
        }
        assert!(told > FLIPS / 2, "{told} of {FLIPS} are told of {key}");
        fs::write(world.table(&key), &good).unwrap();
    }
}
