use super::*;

pub(crate) fn golden(name: &str) -> AuditFile {
    AuditFile::open(format!("../resurge/tests/audit/goldens/{name}.safetensors").as_ref()).unwrap()
}

/// With the neurons of a layer, which are alike, changed.
pub(crate) fn with_neurons(
    file: &AuditFile,
    layer: usize,
    change: impl FnOnce(&mut crate::cell::Constants),
) -> AuditFile {
    let mut file = file.clone();
    let mut all = file.layers[layer].constants.as_ref().unwrap().of(0).to_owned();
    change(&mut all);
    file.layers[layer].constants = Some(crate::cell::LayerConstants::of_all(all));
    file
}

/// With the neurons of all layers changed.
pub(crate) fn with_all_neurons(file: &AuditFile, change: impl Fn(&mut crate::cell::Constants)) -> AuditFile {
    let with = (0..file.layers.len()).filter(|&k| file.layers[k].constants.is_some());
    with.fold(file.clone(), |file, k| with_neurons(&file, k, &change))
}

/// A tensor whose numbers tell their places.
fn counted(shape: &[usize]) -> Tensor<f64> {
    Tensor::from_fn(shape, |at| at as f64).unwrap()
}

#[test]
fn a_number_may_be_off_by_its_bound_and_what_underflows() {
    assert_eq!(Precision::F64.smallest(), 1e-150);
    assert_eq!(Precision::F32.smallest(), f64::from(f32::MIN_POSITIVE));
    let nothing = Bounded::new(0.0, 0.0);
    assert!(Precision::F64.allows(1e-150, nothing) && Precision::F64.allows(-1e-150, nothing));
    assert!(!Precision::F64.allows(1.01e-150, nothing));
    let eps = f64::EPSILON;
    let one = Bounded::new(1.0, 3.0);
    assert_eq!(Precision::F64.slack(one), 4.0 * eps);
    assert!(Precision::F64.allows(1.0 + 4.0 * eps, one) && !Precision::F64.allows(1.0 + 5.0 * eps, one));
    assert!(!Precision::F64.allows(f64::NAN, one));
}

#[test]
fn what_is_no_file_is_refused() {
    let said = AuditFile::open("src".as_ref()).unwrap_err().to_string();
    assert_eq!(said, "src: cannot be read: it is not a regular file; name one");
}

/// The first steps and samples of everything, and nothing of what was recorded of the run.
#[test]
fn a_part_has_the_first_steps_and_samples() {
    let mut file = golden("norse-box-subtract");
    let (steps, samples) = file.extent();
    assert_eq!((steps, samples), (20, 2));
    assert!(file.layers.iter().any(|layer| layer.spikes.is_some() && layer.potentials.is_some()));
    file.input = counted(&[20, 2, 6]);
    let output = counted(&[20, 2, 3]);
    let kept = |of: &Tensor<f64>| of.as_slice().to_vec();
    let first_rows = |width: usize| -> Vec<f64> {
        (0..3).flat_map(|t| (0..width).map(move |n| (t * 2 * width + n) as f64)).collect()
    };
    for potentials in [None, Some(counted(&[20, 2, 3]))] {
        file.target = Target::Weights { output: output.clone(), potentials: potentials.clone() };
        let part = file.cropped(3, 1).unwrap();
        assert_eq!((part.extent(), kept(&part.input)), ((3, 1), first_rows(6)));
        let Target::Weights { output, potentials: found } = part.target else { panic!("another target") };
        assert_eq!((output.shape().to_vec(), kept(&output)), (vec![3, 1, 3], first_rows(3)));
        assert_eq!(found.map(|u| kept(&u)), potentials.map(|_| first_rows(3)));
        assert!(part.layers.iter().all(|layer| layer.spikes.is_none() && layer.potentials.is_none()));
    }
    file.target = Target::Values(output);
    let Target::Values(all) = file.cropped(3, 1).unwrap().target else { panic!("another target") };
    assert_eq!((all.shape().to_vec(), kept(&all)), (vec![3, 1, 3], first_rows(3)));
    file.target = Target::Values(counted(&[2, 3]));
    let Target::Values(one) = file.cropped(3, 1).unwrap().target else { panic!("another target") };
    assert_eq!((one.shape().to_vec(), kept(&one)), (vec![1, 3], vec![0.0, 1.0, 2.0]));
    file.target = Target::Classes(vec![2, 1]);
    let Target::Classes(classes) = file.cropped(3, 1).unwrap().target else { panic!("another target") };
    assert_eq!(classes, [2]);
    // Two samples of three, of each kind of target.
    file.input = counted(&[20, 3, 6]);
    let shape_of = |file: &AuditFile| match file.cropped(3, 2).unwrap().target {
        Target::Classes(classes) => classes,
        Target::Values(values) => values.shape().to_vec(),
        Target::Weights { output, .. } => output.shape().to_vec(),
    };
    let weights = Target::Weights { output: counted(&[20, 3, 4]), potentials: None };
    for (target, shape) in [
        (Target::Classes(vec![7, 8, 9]), vec![7, 8]),
        (Target::Values(counted(&[20, 3, 4])), vec![3, 2, 4]),
        (Target::Values(counted(&[3, 4])), vec![2, 4]),
        (weights, vec![3, 2, 4]),
    ] {
        file.target = target;
        assert_eq!(shape_of(&file), shape);
    }
    assert_eq!(file.cropped(3, 2).unwrap().extent(), (3, 2));
    file.input = counted(&[20, 2, 6]);
    file.target = Target::Classes(vec![2, 1]);
    let whole = file.cropped(20, 2).unwrap();
    assert_eq!((whole.extent(), kept(&whole.input)), ((20, 2), kept(&file.input)));
}

/// By constants of their own, or by a gradient of more numbers than one.
#[test]
fn neurons_are_taken_one_by_one_where_their_constants_are_their_own() {
    let mut file = golden("norse-box-subtract");
    assert!((0..file.layers.len()).all(|k| !file.per_neuron(k)));
    let of = |k: usize, numbers: usize| Recorded {
        name: "layers.1.tau".into(),
        of: Of::Learned(k, "tau".into()),
        value: counted(&[numbers]),
        precision: Precision::F64,
    };
    file.gradients.push(of(1, 1));
    assert!(!file.per_neuron(1));
    file.gradients.push(of(1, 2));
    assert!(file.per_neuron(1) && !file.per_neuron(3));
    // A layer without a state has none.
    assert!(!file.per_neuron(0));
}

/// Masks and the loss's weights of layers that are not the last are of the run, too.
#[test]
fn a_part_has_the_first_of_what_each_layer_has_of_the_run() {
    let mut file = golden("norse-box-subtract");
    file.layers[0].mask = Some(counted(&[20, 2, 2]));
    file.layers[1].loss_weight = Some(counted(&[20, 2, 1]));
    let part = file.cropped(3, 1).unwrap();
    let of = |tensor: &Option<Tensor<f64>>| {
        let tensor = tensor.as_ref().unwrap();
        (tensor.shape().to_vec(), tensor.to_vec())
    };
    assert_eq!(of(&part.layers[0].mask), (vec![3, 1, 2], vec![0.0, 1.0, 4.0, 5.0, 8.0, 9.0]));
    assert_eq!(of(&part.layers[1].loss_weight), (vec![3, 1, 1], vec![0.0, 2.0, 4.0]));
    assert!(part.layers[0].loss_weight.is_none() && part.layers[1].mask.is_none());
}

#[test]
fn a_weighted_sum_alone_has_a_scale_of_its_own() {
    let mut file = golden("norse-box-subtract");
    let of = |file: &mut AuditFile, loss: &str| {
        file.description.loss = loss.parse().unwrap();
        file.sum_scale()
    };
    assert_eq!(of(&mut file, "mse last"), 1.0);
    file.description.loss = Loss::WeightedSum { scale: 0.25 };
    assert_eq!(file.sum_scale(), 0.25);
}
