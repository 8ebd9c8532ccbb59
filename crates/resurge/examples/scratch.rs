use resurge::audit::{AuditFile, AuditOptions, audit};
fn main() {
    for path in std::env::args().skip(1) {
        let file = AuditFile::open(path.as_ref()).unwrap();
        let start = std::time::Instant::now();
        let r = audit(&file, &AuditOptions { proof: std::env::var("PROOF").is_ok(), profiles: false, seed: 1 }).unwrap();
        let name = path.rsplit('/').next().unwrap();
        println!("{name} {:?} {} [{:.2?}]", r.precision, r.code, start.elapsed());
        if std::env::var("BRIEF").is_ok() { continue; }
        println!("    {}", r.words);
        if let Some(p) = &r.proof { println!("    proof {p:?}"); }
        for g in &r.gradients {
            let e = g.worst_entry.clone().unwrap();
            let row = g.worst_row.clone();
            println!("    {:30} err {:.1e} tol {:.1e} used {:.3} wrong {} row {:?}", g.name, g.error, g.tolerance, e.error / e.tolerance, g.wrong, row.map(|r| (r.index, r.error, r.tolerance)));
        }
    }
}
