//! Turns binary annotations into tags and remote endpoints.

use model::endpoint::EndpointRef;
use model::span::Kind;

use super::V1Span;
use super::convert::{Converter, Cores, same_service};

impl<'a> Converter<'a> {
    /// Gives each tag to the span of its service, and each address to the span that saw it.
    pub(super) fn place_binary_annotations(&mut self, span: &V1Span<'a>, cores: &Cores<'_, 'a>) {
        let (mut ca, mut sa, mut ma) = (None, None, None);
        for binary in &span.binary_annotations {
            let endpoint = binary.endpoint.as_ref();
            // An address should say true, but zipkin-ruby wrote the text "1": the endpoint decides.
            match (&*binary.key, endpoint) {
                ("ca", Some(endpoint)) => ca = Some(endpoint),
                ("sa", Some(endpoint)) => sa = Some(endpoint),
                ("ma", Some(endpoint)) => ma = Some(endpoint),
                ("ca" | "sa" | "ma", None) => {}
                (key, endpoint) => {
                    let Some(value) = &binary.value else { continue };
                    let place = self.place(span, endpoint);
                    // An empty `lc` only says who the local component is.
                    if key != "lc" || !value.is_empty() {
                        self.draft(place).tags.push((binary.key.clone(), value.clone()));
                    }
                }
            }
        }
        if cores.cs.or(cores.cr).or(cores.sr).or(cores.ss).is_none() && ca.or(sa).is_some() {
            self.place_bare_addresses(span, ca, sa);
            return;
        }
        if let (Some(ca), Some(server)) = (ca, cores.sr.or(cores.ss))
            && !same_endpoint(ca, server.endpoint)
        {
            let place = self.place(span, Some(server.endpoint));
            let mut remote = ca.clone();
            // Finagle gave the client's socket the server's own name: a service does not call itself here.
            if same_service(ca, server.endpoint) {
                remote.service_name = None;
            }
            self.draft(place).remote_endpoint = remote;
        }
        if let (Some(sa), Some(client)) = (sa, cores.cs.or(cores.cr)) {
            let place = self.place(span, Some(client.endpoint));
            self.draft(place).remote_endpoint = sa.clone();
        }
        for side in [cores.ms, cores.mr].into_iter().flatten() {
            if let Some(ma) = ma {
                let place = self.place(span, Some(side.endpoint));
                self.draft(place).remote_endpoint = ma.clone();
            }
        }
    }

    /// Places addresses in a span without any end of a call.
    fn place_bare_addresses(
        &mut self,
        span: &V1Span<'a>,
        ca: Option<&EndpointRef<'a>>,
        sa: Option<&EndpointRef<'a>>,
    ) {
        match (ca, sa) {
            (Some(ca), Some(sa)) => {
                let place = self.place(span, Some(ca));
                self.draft(place).remote_endpoint = sa.clone();
            }
            (None, Some(sa)) => self.draft(0).remote_endpoint = sa.clone(),
            (Some(ca), None) => {
                let draft = self.draft(0);
                draft.kind = Some(Kind::Server);
                draft.remote_endpoint = ca.clone();
            }
            (None, None) => {}
        }
    }
}

fn same_endpoint(a: &EndpointRef<'_>, b: &EndpointRef<'_>) -> bool {
    same_service(a, b) && (a.ipv4, a.ipv6, a.port) == (b.ipv4, b.ipv6, b.port)
}
