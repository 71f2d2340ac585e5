use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::core::Core;
use super::segment::Segment;
use crate::Record;
use crate::disk::{directory, frame, header};

/// What is left of a file.
struct Rest {
    salt: u32,
    bytes: Vec<u8>,
    last: u64,
    concerned: HashMap<u64, u64>,
}

/// Replaces a file by one without the records that nobody needs any more, unless that would free less than a quarter of it.
///
/// One consumer that is away for long would else keep everything that was sent meanwhile, though it needs little of it.
pub(crate) fn compact<T: Record>(core: &Core<T>, segment: &Arc<Segment>) -> io::Result<()> {
    let rest = read(core, segment)?;
    let (before, after) = (segment.bytes(), rest.bytes.len() as u64 - header::LENGTH);
    if after > before / 4 * 3 {
        return Ok(());
    }
    let unfinished = segment.path().with_extension("new");
    let mut file = directory::create(&unfinished)?;
    file.write_all(&rest.bytes)?;
    // The old file is gone once the new one has its name, whatever happens then.
    file.sync_all()?;
    let replacement = Segment::rewritten(
        segment,
        rest.salt,
        rest.last,
        rest.bytes.len() as u64,
        rest.concerned,
    );
    if core.segments.replace(segment, replacement, &unfinished)? {
        core.space.free(before - after);
    }
    directory::sync(core.segments.dir())
}

fn read<T: Record>(core: &Core<T>, segment: &Segment) -> io::Result<Rest> {
    let salt = header::salt();
    let mut rest = Rest {
        salt,
        bytes: header::encode(salt),
        last: segment.first(),
        concerned: HashMap::new(),
    };
    let mut mark = segment.mark_before(segment.first());
    while mark.offset < segment.end() {
        mark = segment.read(mark, |seq, offset, body| {
            let Ok(record) = T::decode(body) else {
                segment.report(
                    offset,
                    body.len(),
                    "a record that is not understood is skipped",
                );
                return;
            };
            if needed(core, seq, &record, &mut rest.concerned) {
                frame::append(&mut rest.bytes, salt, seq, body);
                rest.last = seq;
            }
        })?;
    }
    Ok(rest)
}

fn needed<T: Record>(
    core: &Core<T>,
    seq: u64,
    record: &T,
    concerned: &mut HashMap<u64, u64>,
) -> bool {
    let mut needed = false;
    core.claims.concerned(record, |claim| {
        if claim.needs_record(seq) {
            concerned.insert(claim.id, seq);
            needed = true;
        }
    });
    needed
}
