struct Instant(u64);
impl Instant {
    fn now() -> Instant {
        let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Instant(s.split(' ').next().unwrap().parse().unwrap())
    }
    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(Instant::now().0 - self.0)
    }
}
use sha2::Digest;
fn main() {
    let root = std::env::args().nth(1).unwrap();
    let mut files = vec![];
    let mut dirs = vec![std::path::PathBuf::from(root)];
    while let Some(d) = dirs.pop() {
        for e in std::fs::read_dir(d).unwrap() {
            let p = e.unwrap().path();
            if p.is_dir() {
                dirs.push(p)
            } else if p.to_str().unwrap().ends_with(".json.gz") {
                files.push(std::fs::read(p).unwrap())
            }
        }
    }
    let object = "AWSLogs/667578651270/CloudTrail/us-east-1/2026/03/01/667578651270_CloudTrail_us-east-1_20260301T1237Z_awzCb2j2hxHYPY6S.json.gz";
    for _ in 0..4 {
        let (mut ti, mut ts, mut tsp, mut tn, mut tt, mut n, mut b) = (0.0, 0.0, 0.0, 0.0, 0.0, 0u64, 0u64);
        let mut out = vec![];
        let mut scratch = Default::default();
        let origin = common::event::Origin::new(object);
        let mut buf: Vec<u8> = vec![];
        for gz in &files {
            let t = Instant::now();
            common::cloudtrail::inflate(gz, 1 << 27, &mut out).unwrap();
            ti += t.elapsed().as_secs_f64();
            let t = Instant::now();
            std::hint::black_box(sha2::Sha256::digest(&out));
            ts += t.elapsed().as_secs_f64();
            let mut recs: Vec<&[u8]> = vec![];
            let t = Instant::now();
            if common::cloudtrail::records(&out, |r| {
                recs.push(r);
                Ok(())
            })
            .is_err()
            {
                continue;
            };
            tsp += t.elapsed().as_secs_f64();
            buf.clear();
            let t = Instant::now();
            for (i, r) in recs.iter().enumerate() {
                let _ = common::event::normalize(&origin, i as u32, r, &mut buf);
            }
            tn += t.elapsed().as_secs_f64();
            std::hint::black_box(&buf);
            n += recs.len() as u64;
            b += out.len() as u64;
            let t = Instant::now();
            std::hint::black_box(aggregator::transform::transform(object, "x", gz, &mut scratch));
            tt += t.elapsed().as_secs_f64();
        }
        let us = |t: f64| t * 1e6 / n as f64;
        println!(
            "{n} records {b} bytes: inflate {:.2} sha {:.2} split {:.2} normalize {:.2} sum {:.2}; transform {:.2} us/record",
            us(ti),
            us(ts),
            us(tsp),
            us(tn),
            us(ti + ts + tsp + tn),
            us(tt)
        );
    }
}
