//! What should not be overlooked of a training that runs without an error.

use super::{Event, Training};
use crate::train::EpochRow;
use resurge_snn::Loss;
use std::ops::RangeInclusive;

/// Something that holds of an epoch.
type Kind = (fn(&EpochRow, usize) -> bool, &'static str, &'static str);

impl Training {
    /// What should not be overlooked, in words: what is doubtful about the files of the samples
    /// ([`Examples::notices`](crate::train::Examples::notices)), a class that no sample shows, target
    /// spikes that no step is left for, and epochs in which all gradients were zero, or a layer did not fire or
    /// fired in every step. They are in `log.json`, and [`run`](Self::run) tells each when it is
    /// first found.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 3\"]", "epochs=2", "threshold=1e9"])?;
    /// # let stop = std::sync::atomic::AtomicBool::new(false);
    /// let set = ImageDataset::new(vec![0, 128, 255], &[1, 1, 1], vec![0, 1, 1], 3)?; // no sample of class 2
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// let mut training = Training::new(&config, "dark-and-light", (data()?, data()?))?; // with a threshold of 1e9
    /// training.run(&stop, &mut |_| {})?;
    /// let notices = training.notices();
    /// assert_eq!(notices[0], "class 2 is in no training sample, so that the network cannot learn it");
    /// assert!(notices.iter().any(|notice| notice.starts_with("layer linear1 did not fire in epochs 1 to 2")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn notices(&self) -> Vec<String> {
        let mut found = self.notices_before();
        for (kind, layer) in self.kinds() {
            let holds = self.progress.history.iter().filter(|row| (kind.0)(row, layer)).map(|row| row.epoch);
            let spans = spans(holds);
            if !spans.is_empty() {
                found.push(self.notice(&kind, layer, &in_words(&spans)));
            }
        }
        found
    }

    /// Those of the settings and the samples.
    fn notices_before(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Ok(Loss::Kernel { pattern }) = self.config.loss() {
            let unused = pattern.iter().skip(self.config.steps).filter(|&&spike| spike).count();
            if unused > 0 {
                found.push(format!(
                    "the pattern of the loss has {} steps and the network {}: {unused} of its target spikes are not \
                     used; take more steps, or a shorter pattern",
                    pattern.len(),
                    self.config.steps
                ));
            }
        }
        for (split, examples) in [("training", &self.train), ("test", &self.test)] {
            found.extend(examples.notices().iter().map(|doubt| format!("{split} samples: {doubt}")));
        }
        for (examples, consequence) in [
            (&self.train, "training sample, so that the network cannot learn"),
            (&self.test, "test sample, so that the test accuracy says nothing of"),
        ] {
            let counts = examples.class_counts();
            let absent = counts.iter().enumerate().filter(|(_, count)| **count == 0);
            let absent: Vec<String> = absent.map(|(class, _)| class.to_string()).collect();
            match &absent[..] {
                [] => {}
                [class] => found.push(format!("class {class} is in no {consequence} it")),
                all => found.push(format!("classes {} are in no {consequence} them", all.join(", "))),
            }
        }
        found
    }

    /// What is looked for in each epoch, and of which layer.
    fn kinds(&self) -> Vec<(Kind, usize)> {
        let no_gradient: Kind = (
            // Without a loss there is nothing left to learn.
            |row, _| row.gradient_norm == 0.0 && row.train_loss > 0.0,
            "all gradients were 0",
            "nothing was learnt; a wider surrogate, a larger gain or a lower threshold lets a gradient through",
        );
        let silent: Kind = (
            |row, layer| row.firing_rates.get(layer) == Some(&0.0),
            "did not fire",
            "a larger gain or a lower threshold makes it fire",
        );
        let saturated: Kind = (
            |row, layer| row.firing_rates.get(layer).is_some_and(|&rate| rate >= 1.0),
            "fired in every step",
            "a smaller gain or a higher threshold lets it tell inputs apart",
        );
        let of_layers =
            (0..self.network.names().len()).flat_map(|layer| [(silent, layer), (saturated, layer)]);
        std::iter::once((no_gradient, usize::MAX)).chain(of_layers).collect()
    }

    fn notice(&self, (_, what, remedy): &Kind, layer: usize, epochs: &str) -> String {
        match self.network.names().get(layer) {
            Some(name) => format!("layer {name} {what} in {epochs}; {remedy}"),
            None => format!("{what} in {epochs}: {remedy}"),
        }
    }

    pub(super) fn tell_before(&self, observe: &mut dyn FnMut(Event<'_>)) {
        for text in &self.notices_before() {
            observe(Event::Notice { epoch: None, text });
        }
    }

    /// Those that hold of the last epoch and did not of the one before it.
    pub(super) fn tell_of_epoch(&self, observe: &mut dyn FnMut(Event<'_>)) {
        let [rest @ .., last] = &self.progress.history[..] else { return };
        for (kind, layer) in self.kinds() {
            let held = rest.last().is_some_and(|row| (kind.0)(row, layer));
            if (kind.0)(last, layer) && !held {
                let text = &self.notice(&kind, layer, &format!("epoch {}", last.epoch));
                observe(Event::Notice { epoch: Some(last.epoch), text });
            }
        }
    }
}

/// Numbers that ascend, as spans of neighbours.
fn spans(numbers: impl Iterator<Item = u64>) -> Vec<RangeInclusive<u64>> {
    let mut spans: Vec<RangeInclusive<u64>> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some(last) if last.end() + 1 == number => *last = *last.start()..=number,
            _ => spans.push(number..=number),
        }
    }
    spans
}

fn in_words(spans: &[RangeInclusive<u64>]) -> String {
    let one = |span: &RangeInclusive<u64>| match (span.start(), span.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first} to {last}"),
    };
    let single = spans.len() == 1 && spans[0].start() == spans[0].end();
    let all: Vec<String> = spans.iter().map(one).collect();
    format!("{} {}", if single { "epoch" } else { "epochs" }, all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Config, Examples, Preset};
    use resurge_data::{Dataset, ImageDataset, Split, Verify};

    #[test]
    fn each_kind_is_found_in_its_epochs_and_told_when_it_begins() {
        let config = Config::preset(Preset::Small).with(&["layers=[\"linear 3\", \"linear 2\"]"]).unwrap();
        let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2).unwrap();
        let data = || Examples::of_images(set.clone(), &config).unwrap();
        let mut training = Training::new(&config, "mine", (data(), data())).unwrap();
        let mut told = Vec::new();
        for (train_loss, gradient_norm, rates) in [
            (1.0, 0.5, [0.2, 0.0]),
            (1.0, 0.0, [0.0, 0.0]),
            (1e-9, 0.0, [0.1, 1.0]),
            (1.0, 1e-300, [0.999, 1.0]),
            (0.0, 0.0, [1e-9, 0.0]),
        ] {
            let epoch = training.progress.history.len() as u64 + 1;
            training.progress.history.push(EpochRow {
                epoch,
                updates: epoch,
                train_loss,
                train_accuracy: 0.5,
                test_loss: 1.0,
                test_accuracy: 0.5,
                gradient_norm,
                firing_rates: rates.to_vec(),
            });
            training.tell_of_epoch(&mut |event| match event {
                Event::Notice { epoch: of, text } => {
                    assert_eq!(of, Some(epoch));
                    told.push(text.split([';', ':']).next().unwrap().to_owned());
                }
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(
            told,
            [
                "layer linear2 did not fire in epoch 1",
                "all gradients were 0 in epoch 2",
                "layer linear1 did not fire in epoch 2",
                "layer linear2 fired in every step in epoch 3",
                "layer linear2 did not fire in epoch 5",
            ]
        );
        let found = training.notices();
        let found: Vec<&str> = found.iter().map(|text| text.split([';', ':']).next().unwrap()).collect();
        assert_eq!(
            found,
            [
                "all gradients were 0 in epochs 2 to 3",
                "layer linear1 did not fire in epoch 2",
                "layer linear2 did not fire in epochs 1 to 2, 5",
                "layer linear2 fired in every step in epochs 3 to 4",
            ]
        );
    }

    #[test]
    fn doubts_about_recordings_are_told_of_each_split() {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../resurge-data/examples/nmnist");
        let told = |settings: &[&str]| {
            let config = Config::preset(Preset::NMnist).with(settings).unwrap();
            let data = || {
                let (set, split) = (Dataset::NMnist, Split::Test);
                Examples::load(set, place.as_ref(), split, Verify::Format, &config, None).unwrap()
            };
            let training = Training::new(&config, "mine", (data(), data())).unwrap();
            let mut told = Vec::new();
            training.tell_before(&mut |event| match event {
                Event::Notice { epoch: None, text } => told.push(text.to_owned()),
                other => panic!("{other:?}"),
            });
            assert_eq!(told, training.notices());
            told.retain(|text| text.contains("samples: "));
            told
        };
        let network = "layers=[\"linear 10\"]";
        // One step of a microsecond has next to no event.
        let found = told(&[network, "window=1", "steps=1", "loss=count 1 0"]);
        assert_eq!(found.len(), 2, "{found:?}");
        for (notice, split) in found.iter().zip(["training", "test"]) {
            assert!(notice.starts_with(&format!("{split} samples: ")), "{notice}");
            assert!(notice.contains("come after the last time step"), "{notice}");
        }
        assert!(told(&[network, "window=10000", "steps=30"]).is_empty());
    }

    #[test]
    fn epochs_are_told_in_spans() {
        for (numbers, words) in
            [(&[3][..], "epoch 3"), (&[1, 2, 3], "epochs 1 to 3"), (&[1, 3, 4, 9], "epochs 1, 3 to 4, 9")]
        {
            assert_eq!(in_words(&spans(numbers.iter().copied())), words);
        }
        assert!(spans(std::iter::empty()).is_empty());
    }
}
