//! Wrong gradients are always rejected.

use crate::drawn::Drawn;
use resurge_gradcheck::{AnchoredProgram, CheckReport, GradCheck, Verdict};

fn claimed(seed: u64, projections: bool, fault: fn(&mut Vec<f64>)) -> Option<CheckReport> {
    let (program, at) = Drawn::new(seed);
    let anchored = AnchoredProgram::new(&program, at.clone()).unwrap();
    let mut gradient = anchored.gradient().to_vec();
    fault(&mut gradient);
    let changed = gradient.iter().zip(anchored.gradient()).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    // A transposed matrix may by chance be nearly symmetric, and a vanishing gradient is right in any scale.
    if changed <= 0.9e-6 * norm || norm == 0.0 {
        return None;
    }
    let width = program.cell.surrogate().width();
    let check = GradCheck::new(&program, at).width(width).seed(seed).claim(gradient);
    let check = if projections { check.directions(8) } else { check };
    Some(check.run().unwrap())
}

/// Each fault is a change of at least 1e-6 of the gradient's norm: ten times the tolerance.
#[test]
fn faults_are_always_rejected() {
    type Fault = fn(&mut Vec<f64>);
    let faults: [(&str, Fault); 6] = [
        ("scale 1 + 1e-6", |g| g.iter_mut().for_each(|x| *x *= 1.0 + 1e-6)),
        ("sign", |g| g.iter_mut().for_each(|x| *x = -*x)),
        ("factor 2", |g| g.iter_mut().for_each(|x| *x *= 2.0)),
        ("one entry", |g| {
            let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
            g[4] += 1e-4 * norm;
        }),
        ("transposed matrix", |g| {
            let w: Vec<f64> = g[..6].to_vec();
            for (i, x) in g[..6].iter_mut().enumerate() {
                *x = w[(i % 2) * 3 + i / 2];
            }
        }),
        ("one entry missing", |g| g[0] = 0.0),
    ];
    for (name, fault) in faults {
        let (mut tried, mut left_out) = (0, 0);
        for seed in 0..150 {
            for projections in [false, true] {
                let Some(report) = claimed(seed, projections, fault) else { continue };
                tried += 1;
                // A comparison that kinks make impossible is reported as such, and never as agreement.
                if report.verdict != Verdict::Failed {
                    assert!(report.skipped() * 2 > report.compared, "{name}, seed {seed}: {report}");
                    left_out += 1;
                }
            }
        }
        assert!(tried > 200 && left_out * 50 <= tried, "{name}: {left_out} of {tried}");
    }
}
