//! Checkpoints on disk: every number comes back, damage is refused, a whole one is always there.

use crate::common::Folder;
use matfact_core::ndarray::array;
use matfact_core::{
    Checkpoint, CheckpointSink, CheckpointState, DataFingerprint, Error, ModelRecord,
};
use matfact_io::{
    CheckpointFolder, CheckpointInterval, ModelFile, load_checkpoint, load_model, save_checkpoint,
    save_model,
};
use std::fs;
use std::time::Duration;

pub(crate) fn sample(iteration: usize) -> Checkpoint {
    let mut state = CheckpointState::default();
    state.insert("w", &array![[1.0_f32, -0.0], [f32::NAN, f32::INFINITY]]);
    state.insert_numbers("history", &[f64::NEG_INFINITY, 5e-324, iteration as f64]);
    state.insert_numbers("none", &[]);
    state.insert_counter("seed", u64::MAX);
    state
        .texts
        .insert("notice".into(), "a \"b\"\n\u{e9}".into());
    Checkpoint {
        algorithm: "nmf".into(),
        scalar: "f32".into(),
        settings: "Nmf { rank: 2 }".into(),
        data: DataFingerprint {
            shape: (2, 3),
            stored: 6,
            checksum: u64::MAX,
            beside: 1,
        },
        iteration,
        state,
    }
}

/// NaN is not equal to itself, and is written in the same way as itself.
fn same(a: &Checkpoint, b: &Checkpoint) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn a_checkpoint_comes_back_with_numbers_that_no_model_may_have() {
    let folder = Folder::new();
    let path = folder.at("c");
    save_checkpoint(&path, &sample(7)).unwrap();
    let back = load_checkpoint(&path).unwrap();
    assert!(same(&back, &sample(7)), "{back:?}");
    // One is not the other.
    let refused = load_model(&path).unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused}");
    let mut record = ModelRecord::new("nmf");
    record.insert("w", &array![1.0]);
    save_model(&path, &ModelFile::new(record)).unwrap();
    let refused = load_checkpoint(&path).unwrap_err();
    assert!(
        matches!(refused, Error::CorruptCheckpoint { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("not an intact checkpoint"),
        "{refused}"
    );
}

#[test]
fn a_torn_or_changed_checkpoint_is_refused() {
    let folder = Folder::new();
    let path = folder.at("c");
    save_checkpoint(&path, &sample(7)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for cut in 0..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let refused = load_checkpoint(&path);
        assert!(
            matches!(refused, Err(Error::CorruptCheckpoint { .. })),
            "cut at {cut}"
        );
    }
    for at in 0..bytes.len() {
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        assert!(
            load_checkpoint(&path).is_err(),
            "a bit of byte {at} is changed"
        );
        bytes[at] ^= 1 << (at % 8);
    }
    fs::write(&path, &bytes).unwrap();
    load_checkpoint(&path).unwrap();
}

#[test]
fn a_folder_keeps_the_newest_two_and_nothing_that_a_kill_has_left() {
    let folder = Folder::new();
    let place = folder.at("deep/fit");
    let mut checkpoints = CheckpointFolder::open(&place).unwrap();
    assert!(checkpoints.newest().unwrap().is_none());
    for iteration in 1..=3 {
        checkpoints.save(&sample(iteration)).unwrap();
    }
    let names = || {
        let listed = fs::read_dir(&place).unwrap();
        let mut names: Vec<_> = listed
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let [second, third] = [
        "checkpoint-00000002.safetensors",
        "checkpoint-00000003.safetensors",
    ];
    assert_eq!(names(), [second, third]);
    fs::write(place.join(".checkpoint-00000004.abc.tmp"), "half").unwrap();
    fs::write(place.join("notes.txt"), "mine").unwrap();
    let mut again = CheckpointFolder::open(&place).unwrap();
    assert_eq!(names(), [second, third, "notes.txt"]);
    assert!(same(&again.newest().unwrap().unwrap(), &sample(3)));

    // The one before stands in for a damaged one, once that is removed.
    fs::write(place.join(third), "damaged").unwrap();
    let refused = again.newest().unwrap_err();
    assert!(refused.to_string().contains(third), "{refused}");
    fs::remove_file(place.join(third)).unwrap();
    let again_without = CheckpointFolder::open(&place).unwrap();
    assert!(same(&again_without.newest().unwrap().unwrap(), &sample(2)));

    again.clear().unwrap();
    assert_eq!(names(), ["notes.txt"]);
    assert!(again.newest().unwrap().is_none());
    fs::remove_file(place.join("notes.txt")).unwrap();
    again.clear().unwrap();
    assert!(!place.exists());
}

#[test]
fn a_checkpoint_is_due_by_iterations_or_by_time() {
    let folder = Folder::new();
    let open = |interval| {
        CheckpointFolder::open(folder.at("c"))
            .unwrap()
            .every(interval)
    };
    let mut by_iterations = open(CheckpointInterval::Iterations(3));
    let due: Vec<usize> = (1..=9)
        .filter(|i| by_iterations.wants(*i, Duration::ZERO))
        .collect();
    assert_eq!(due, [3, 6, 9]);
    let mut by_time = open(CheckpointInterval::Time(Duration::from_secs(10)));
    let due: Vec<usize> = (1..=9)
        .filter(|i| by_time.wants(*i, Duration::from_secs(4 * *i as u64)))
        .collect();
    assert_eq!(due, [3, 6, 9]);
}

#[test]
fn a_folder_that_is_none_is_refused_with_its_path() {
    let folder = Folder::new();
    folder.write("file", b"");
    let refused = CheckpointFolder::open(folder.at("file")).unwrap_err();
    assert!(
        matches!(&refused, Error::Io { path, .. } if *path == folder.at("file")),
        "{refused}"
    );
}
