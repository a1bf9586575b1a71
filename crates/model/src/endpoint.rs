//! The network side of a span: who recorded it, and who was at the other end.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A service at an address. Never empty: a span without any of these has no endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Lower-cased; nothing when unknown.
    pub service_name: Option<String>,
    /// IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// IPv6 address; never one that only maps an IPv4 address.
    pub ipv6: Option<Ipv6Addr>,
    /// TCP or UDP port, never zero.
    pub port: Option<u16>,
}

/// An [`Endpoint`] whose text is borrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointRef<'a> {
    /// Lower-cased; nothing when unknown.
    pub service_name: Option<Cow<'a, str>>,
    /// IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// IPv6 address; never one that only maps an IPv4 address.
    pub ipv6: Option<Ipv6Addr>,
    /// TCP or UDP port, never zero.
    pub port: Option<u16>,
}

impl EndpointRef<'_> {
    /// Says whether nothing is known at all.
    pub fn is_empty(&self) -> bool {
        self.service_name.is_none() && self.ipv4.is_none() && self.ipv6.is_none() && self.port.is_none()
    }

    /// Sets the address, folding IPv4-mapped and IPv4-compatible IPv6 addresses to IPv4, except `::` and `::1`.
    ///
    /// Rule: openzipkin/zipkin `zipkin2.Endpoint.Builder.parseIp`.
    pub fn set_ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(v4) => self.ipv4 = Some(v4),
            IpAddr::V6(v6) => match embedded_ipv4(v6) {
                Some(v4) => self.ipv4 = Some(v4),
                None => self.ipv6 = Some(v6),
            },
        }
    }

    /// Sets the address from text. Returns whether it was one; a zone id (`%eth0`) makes it none.
    pub fn set_ip_text(&mut self, text: &str) -> bool {
        text.parse().map(|ip| self.set_ip(ip)).is_ok()
    }

    /// Returns an endpoint that owns its text.
    pub fn to_owned(&self) -> Endpoint {
        Endpoint {
            service_name: self.service_name.as_deref().map(str::to_owned),
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            port: self.port,
        }
    }
}

impl Endpoint {
    /// Says whether no known service name or address differs. Ports are not compared.
    pub fn same_host(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
            a == b || a.is_none() || b.is_none()
        }
        agree(&self.service_name, &other.service_name)
            && agree(&self.ipv4, &other.ipv4)
            && agree(&self.ipv6, &other.ipv6)
    }

    /// Returns the length of its text.
    pub(crate) fn text_bytes(&self) -> usize {
        self.service_name.as_ref().map_or(0, String::len)
    }

    /// Borrows this endpoint.
    pub fn as_ref(&self) -> EndpointRef<'_> {
        EndpointRef {
            service_name: self.service_name.as_deref().map(Cow::Borrowed),
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            port: self.port,
        }
    }
}

fn embedded_ipv4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    v6.to_ipv4_mapped().or_else(|| {
        let compatible = v6.segments()[..6].iter().all(|segment| *segment == 0);
        let low = v6.to_bits() as u32;
        (compatible && low > 1).then(|| Ipv4Addr::from_bits(low))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_inside_ipv6_is_ipv4() {
        for (text, v4, v6) in [
            ("::ffff:1.2.3.4", Some("1.2.3.4"), None),
            ("::1.2.3.4", Some("1.2.3.4"), None),
            ("::1", None, Some("::1")),
            ("2001:DB8::c001", None, Some("2001:db8::c001")),
            ("10.0.0.1", Some("10.0.0.1"), None),
        ] {
            let mut endpoint = EndpointRef::default();
            assert!(endpoint.set_ip_text(text), "{text}");
            assert_eq!(endpoint.ipv4.map(|ip| ip.to_string()).as_deref(), v4, "{text}");
            assert_eq!(endpoint.ipv6.map(|ip| ip.to_string()).as_deref(), v6, "{text}");
        }
        assert!(!EndpointRef::default().set_ip_text("fe80::1%eth0"));
    }
}
