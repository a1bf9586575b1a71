//! What the two JSON forms share: the list around the spans, and endpoints.

use model::batch::Batch;
use model::endpoint::EndpointRef;

use crate::detect::Format;
use crate::error::{DecodeError, Read};
use crate::json::JsonReader;
use crate::list;

/// Runs `read` over a list's text; when it fails the batch is as it was.
pub(crate) fn decode(
    format: Format,
    bytes: &[u8],
    batch: &mut Batch,
    read: impl for<'a> FnOnce(&mut JsonReader<'a>, &mut Batch) -> Read<()>,
) -> Result<(), DecodeError> {
    list::decode(format, bytes, batch, |batch| {
        // Bytes that are no UTF-8 become U+FFFD, as Zipkin's reader has it: one sender's odd tag loses no batch.
        let lossy;
        let text = match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => {
                lossy = String::from_utf8_lossy(bytes);
                &*lossy
            }
        };
        // What follows the list's end is not looked at.
        read(&mut JsonReader::new(text), batch)
    })
}

/// Reads an array, with `read` for each of its elements.
pub(crate) fn each<'a>(
    reader: &mut JsonReader<'a>,
    mut read: impl FnMut(&mut JsonReader<'a>) -> Read<()>,
) -> Read<()> {
    reader.begin_array()?;
    let mut first = true;
    while reader.next_element(&mut first)? {
        read(reader)?;
    }
    Ok(())
}

/// Reads an endpoint. Addresses that cannot be parsed are left out; each field takes both kinds of address.
pub(crate) fn read_endpoint<'a>(reader: &mut JsonReader<'a>) -> Read<EndpointRef<'a>> {
    let mut endpoint = EndpointRef::default();
    reader.begin_object()?;
    let mut first = true;
    while let Some(key) = reader.next_key(&mut first)? {
        match &*key {
            _ if reader.null()? => {}
            "serviceName" => endpoint.service_name = Some(reader.string()?).filter(|name| !name.is_empty()),
            "ipv4" | "ipv6" => {
                let _ = endpoint.set_ip_text(&reader.string()?);
            }
            "port" => {
                let port = reader.int()?;
                if port > i32::from(u16::MAX) {
                    return Err(reader.wrong(format!("invalid port {port}")));
                }
                endpoint.port = u16::try_from(port).ok().filter(|port| *port > 0);
            }
            _ => reader.skip()?,
        }
    }
    Ok(endpoint)
}
