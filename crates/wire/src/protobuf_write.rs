//! Writes fields of protocol buffers. A nested message is written in place, after room for the length it will have.

/// Room for a length: five bytes of seven bits hold any that fits in memory limits of ours.
const LENGTH_BYTES: usize = 5;

/// Appends a field of type bytes or string.
pub(crate) fn bytes_field(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    tag(out, number, 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends an integer, bool or enum.
pub(crate) fn varint_field(out: &mut Vec<u8>, number: u32, value: u64) {
    tag(out, number, 0);
    varint(out, value);
}

/// Appends a fixed64.
pub(crate) fn fixed64_field(out: &mut Vec<u8>, number: u32, value: u64) {
    tag(out, number, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a message.
pub(crate) fn message_field(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    tag(out, number, 2);
    let at = out.len();
    // The shortest form of a length is not asked for: unused bytes say that more follow, of value zero.
    out.extend_from_slice(&[0x80, 0x80, 0x80, 0x80, 0]);
    let start = out.len();
    write(out);
    let mut length = out.len() - start;
    for byte in out.iter_mut().skip(at).take(LENGTH_BYTES) {
        *byte |= (length & 0x7f) as u8;
        length >>= 7;
    }
}

fn tag(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    varint(out, u64::from(number) << 3 | u64::from(wire_type));
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
