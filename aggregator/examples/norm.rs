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
                let mut out = vec![];
                common::cloudtrail::inflate(&std::fs::read(p).unwrap(), 1 << 27, &mut out).unwrap();
                files.push(out)
            }
        }
    }
    let origin = common::event::Origin::new(
        "AWSLogs/667578651270/CloudTrail/us-east-1/2026/03/01/667578651270_CloudTrail_us-east-1_20260301T1237Z_awzCb2j2hxHYPY6S.json.gz",
    );
    let mut buf: Vec<u8> = vec![];
    let cpu = || {
        let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        s.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let mode = std::env::args().nth(2).unwrap_or_default();
    let mut best = f64::MAX;
    for _ in 0..10 {
        let t = cpu();
        let mut n = 0u32;
        for f in &files {
            buf.clear();
            let mut i = 0;
            common::cloudtrail::records(f, |r| {
                if mode == "n" {
                    let _ = common::event::normalize(&origin, i, r, &mut buf);
                }
                if mode == "i" {
                    serde_json::from_slice::<serde::de::IgnoredAny>(r).unwrap();
                }
                if mode == "m" {
                    buf.extend_from_slice(r);
                }
                if mode == "c" {
                    common::cloudtrail::json::check(std::str::from_utf8(r).unwrap()).unwrap();
                }
                if mode == "w" {
                    assert!(common::cloudtrail::json::Members::new(std::str::from_utf8(r).unwrap()).all(|m| m.is_ok()));
                }
                i += 1;
                Ok(())
            })
            .unwrap();
            n += i;
        }
        best = best.min((cpu() - t) as f64 / 1e3 / n as f64);
    }
    println!("{best:.2} us/record best of 10");
}
