use super::*;
use crate::file::tests::golden;
use crate::{AuditOptions, audit};

fn report(file: &AuditFile) -> AuditReport {
    audit(file, &AuditOptions::default()).unwrap()
}

#[test]
fn the_norm_the_most_decades_from_one_is_named() {
    let of = |sizes: &[f64]| {
        let named = sizes.iter().enumerate().map(|(k, &size)| (k.to_string(), size)).collect();
        most_extreme(named)
    };
    assert_eq!(of(&[1.0, 0.0, 1e130, 1e-130, 1e-129]), None);
    assert_eq!(of(&[1.0, 1e131, 0.0]), Some(("1".into(), 1e131)));
    assert_eq!(of(&[1e131, 1e-140, 1e135]), Some(("1".into(), 1e-140)));
    assert_eq!(of(&[]), None);
}

/// Each number of a file that can be extreme is looked at, and named.
#[test]
fn extreme_numbers_are_named_wherever_they_are() {
    let plain = golden("norse-recurrent");
    let told = report(&plain);
    assert_eq!(told.extreme(&plain), None);
    let scaled = |value: &Tensor<f64>| value.map(|x: f64| x * 1e200);
    let named = |file: &AuditFile, name: &str| {
        let reason = told.extreme(file).unwrap_or_else(|| panic!("{name} is not found"));
        assert!(reason.starts_with(&format!("the norm of {name} is ")), "{reason}");
        assert!(reason.ends_with("lie between 1e-100 and 1e100, and record again"), "{reason}");
    };
    named(&AuditFile { loss: -1e200, ..plain.clone() }, "loss");
    named(&AuditFile { input: scaled(&plain.input), ..plain.clone() }, "input");
    let mut parameters = 0;
    for k in 0..plain.layers.len() {
        for (name, of) in [
            (
                "weight",
                (|layer| &mut layer.weight) as fn(&mut crate::file::LayerData) -> &mut Option<Tensor<f64>>,
            ),
            ("bias", |layer| &mut layer.bias),
            ("recurrent", |layer| &mut layer.recurrent),
        ] {
            let mut file = plain.clone();
            let Some(value) = of(&mut file.layers[k]).take() else { continue };
            *of(&mut file.layers[k]) = Some(scaled(&value));
            named(&file, &format!("layers.{k}.{name}"));
            parameters += 1;
        }
    }
    assert!(parameters >= 3, "{parameters}");
    let mut file = plain.clone();
    file.gradients[1].value = scaled(&file.gradients[1].value);
    named(&file, &format!("gradients.{}", plain.gradients[1].name));
    let mut claimed = told.clone();
    claimed.gradients[0].norm = 1e-200;
    let reason = claimed.extreme(&plain).unwrap();
    assert!(reason.contains(&format!("the claimed gradient of {} is 1.0e-200", plain.gradients[0].name)));
}

/// A verdict without a proof is none: of extreme numbers undecided with the remedy, of others unproved.
#[test]
fn a_failed_proof_takes_the_verdict_back() {
    let file = golden("norse-recurrent");
    let right = report(&file);
    assert!(right.matches && right.proof.as_ref().is_some_and(|proof| proof.passed));
    let mut kept = right.clone();
    kept.doubted(&file);
    assert_eq!(kept, right);
    let mut doubted = right.clone();
    doubted.proof.as_mut().unwrap().passed = false;
    let mut unproved = doubted.clone();
    unproved.doubted(&file);
    assert_eq!((unproved.code.as_str(), unproved.matches, &unproved.undecided), ("unproved", false, &None));
    assert!(unproved.words.contains("which would be `match`: the gradients are those"), "{}", unproved.words);
    doubted.doubted(&AuditFile { loss: 1e200, ..file });
    assert_eq!((doubted.code.as_str(), doubted.matches), ("undecided", false));
    assert!(doubted.undecided.is_some_and(|reason| reason.starts_with("the norm of loss is 1.0e200")));
}

/// One of each kind, two of some, so that none is taken for another.
#[test]
fn reports_are_counted_by_their_verdicts() {
    let matched = report(&golden("norse-recurrent"));
    let with = |code: &str, undecided: Option<&str>| AuditReport {
        code: code.into(),
        matches: false,
        undecided: undecided.map(str::to_owned),
        ..matched.clone()
    };
    let error = || FileError { path: "x".into(), error: crate::AuditError::Read("gone".into()) };
    let mut files = vec![Ok(matched.clone())];
    files.extend([1, 2].map(|_| Ok(with("unproved", None))));
    files.extend([1, 2, 3].map(|_| Ok(with("detached", None))));
    files.extend([1, 2, 3, 4].map(|_| Ok(with("undecided", Some("no spike")))));
    files.extend([1, 2, 3, 4, 5].map(|_| Err(error())));
    let all = AuditReports::new(files.into_iter().map(|one| ("name".to_owned(), one)).collect());
    let AuditReports { format, matched, mismatched, undecided, unproved, unusable, .. } = all;
    assert_eq!((format, matched, mismatched, undecided, unproved, unusable), (2, 1, 3, 4, 2, 5));
    assert_eq!(all.files.len(), 15);
    assert_eq!(all.files[14].error.as_deref(), Some("cannot be read: gone"));
    assert_eq!(all.summary(), "1 matched, 3 mismatched, 4 undecided, 2 unproved, 5 unusable");
    let none = AuditReports { undecided: 0, unproved: 0, ..all.clone() };
    assert_eq!(none.summary(), "1 matched, 3 mismatched, 5 unusable");
}
