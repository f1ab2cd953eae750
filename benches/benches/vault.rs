//! What encryption costs the recording thread: a piece of 400 ms (12,800 bytes) and its header, written to a file of
//! the system's folder for temporary files, as it is and through the vault.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use archive::{CenterKey, CenterKeys, Disk, Folder, Vault};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(benches, pieces);
criterion_main!(benches);

const PIECE: usize = 12_800;
const HEADER: usize = 80;
/// Pieces of a call of three minutes; then the file is written over again.
const PIECES: u64 = 450;

fn folder() -> PathBuf {
    let path = std::env::temp_dir().join(format!("hotline-bench-vault-{}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a folder for temporary files");
    path
}

fn pieces(criterion: &mut Criterion) {
    let folder = folder();
    let key = CenterKey::create(&folder.join("key")).expect("a key");
    let keys = Arc::new(CenterKeys::new(Some(key), Vec::new()));
    let disk = Vault::new(Arc::new(Folder::open(&folder).expect("a folder")), keys);
    let (piece, header) = ([0x5a; PIECE], [1; HEADER]);
    let mut group = criterion.benchmark_group("vault");
    group.throughput(Throughput::Bytes((PIECE + HEADER) as u64));
    for (name, path) in [("plain", "plain.wav"), ("encrypted", "encrypted.wav.enc")] {
        let (mut file, mut nth) = (disk.create(path).expect("a file"), 0);
        group.bench_function(name, |b| {
            b.iter(|| {
                let offset = HEADER as u64 + nth % PIECES * PIECE as u64;
                file.write_at(offset, black_box(&piece)).expect("room");
                file.write_at(0, black_box(&header)).expect("room");
                nth += 1;
            });
        });
    }
    group.finish();
    std::fs::remove_dir_all(folder).expect("our own folder");
}
