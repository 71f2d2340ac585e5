//! The binary format of COPY.

use bytes::{BufMut, Bytes, BytesMut};
use tokio_postgres::types::{IsNull, Type};

use crate::load::Rows;
use crate::{Error, Result};

/// The signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const NULL: i32 = -1;
const END: i16 = -1;

/// Writes rows with columns of these types.
pub(super) fn encode(rows: &dyn Rows, types: &[Type]) -> Result<Bytes> {
    let mut out = BytesMut::from(HEADER);
    let columns = i16::try_from(types.len()).map_err(Error::internal)?;
    rows.each(&mut |values| {
        if values.len() != types.len() {
            return Err(Error::internal("a row has too few or too many values"));
        }
        out.put_i16(columns);
        for (value, ty) in values.iter().zip(types) {
            let start = out.len();
            out.put_i32(NULL);
            let written = value.postgres().to_sql_checked(ty, &mut out);
            if let IsNull::No = written.map_err(Error::internal)? {
                let from = start + size_of::<i32>();
                let length = i32::try_from(out.len() - from).map_err(Error::internal)?;
                out[start..from].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(())
    })?;
    out.put_i16(END);
    Ok(out.freeze())
}
