//! Ports of this machine.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// Whether nobody listens on this port of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Returns ports that nobody uses, all different. They are held together, so that none is given twice.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// Returns the first of a row of neighbouring ports that nobody uses.
pub fn free_row(count: u16) -> Result<u16> {
    // Below the range from which the system gives out ports, so that no client of ours takes one meanwhile.
    (0..1_000)
        .map(|_| fastrand::u16(20_000..32_000))
        .find(|first| (*first..*first + count).all(is_free))
        .with_context(|| format!("no {count} neighbouring ports are free between 20000 and 32000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_until_somebody_listens() {
        let [first, second] = free().expect("ports");
        assert_ne!(first, second);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
        assert!(!is_free(held.local_addr().expect("address").port()));
    }
}
