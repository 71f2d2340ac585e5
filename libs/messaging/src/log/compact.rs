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
    last: Option<u64>,
}

/// Replaces a file by one without the records that nobody needs any more, unless that would free less than a quarter of it.
///
/// One consumer that is away for long would else keep everything that was sent meanwhile, though it needs little of it.
pub(crate) fn compact<T: Record>(core: &Core<T>, segment: &Arc<Segment>) -> io::Result<()> {
    let rest = read(core, segment)?;
    let (before, after) = (segment.bytes(), rest.bytes.len() as u64 - header::LENGTH);
    let Some(last) = rest.last else {
        if core.segments.remove(segment) {
            core.space.free(before);
        }
        return Ok(());
    };
    if after > before / 4 * 3 {
        return Ok(());
    }
    let unfinished = segment.path().with_extension("new");
    let mut file = directory::create(&unfinished)?;
    file.write_all(&rest.bytes)?;
    // The old file is gone once the new one has its name, whatever happens then.
    file.sync_all()?;
    let end = rest.bytes.len() as u64;
    let path = segment.path().to_owned();
    let replacement = Segment::new(path, rest.salt, segment.first(), last, end);
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
        last: None,
    };
    segment.read_from(segment.first(), |seq, offset, body| {
        let Ok(record) = T::decode(body) else {
            segment.report(
                offset,
                body.len(),
                "a record that is not understood is skipped",
            );
            return;
        };
        let mut needed = false;
        core.claims
            .concerned(&record, |claim| needed |= claim.needs(seq));
        if needed {
            frame::append(&mut rest.bytes, salt, seq, body);
            rest.last = Some(seq);
        }
    })?;
    Ok(rest)
}
