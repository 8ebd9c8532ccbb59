//! Writes the seed corpora into `seeds/`, where they are committed.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    for (target, name, bytes) in resurge_fuzz::seeds() {
        std::fs::create_dir_all(root.join(target))?;
        std::fs::write(root.join(target).join(name), bytes)?;
    }
    Ok(())
}
