//! Reports the spans of `tracing`: fields are tags, events annotations, and events of level ERROR errors.
//!
//! A span is below the span of `tracing` it is in, or else below the scope that is current (that of a request), or else
//! the first of a new trace. While it is entered it is the current scope, so that calls made within belong to it. The
//! fields `otel.name` and `otel.kind` mean what they mean to tracing-opentelemetry.

use std::fmt::{Debug, Write};

use tracer::{Caller, Kind};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::scope::{Scope, Service, current, pop, push};

/// Reports the spans that `tracing` makes.
pub struct SpanLayer(Service);

impl SpanLayer {
    /// Reports them as this service's.
    pub fn new(service: &Service) -> Self {
        Self(service.clone())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Scope>().cloned());
        let (kind, name) = (fields.kind, fields.name.take().unwrap_or_else(|| span.name().to_owned()));
        let scope = match parent.or_else(|| current().filter(|_| attributes.is_contextual())) {
            Some(parent) => parent.child(kind, name),
            None => Scope::new(&self.0, self.0.tracer.join_or_start(Caller::Absent), None, kind, name),
        };
        fields.into_tags(&scope);
        span.extensions_mut().insert(scope);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(scope) = scope_of(id, &context) {
            let mut fields = Fields::default();
            values.record(&mut fields);
            if let Some(name) = fields.name.take() {
                scope.record(|span| span.set_name(name));
            }
            fields.into_tags(&scope);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let spanned = context.event_span(event).and_then(|span| span.extensions().get::<Scope>().cloned());
        let Some(scope) = spanned.or_else(current) else { return };
        if !scope.context().sampled {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let text = text.0;
        if *event.metadata().level() == Level::ERROR {
            scope.record(|span| span.set_error(text.clone()));
        }
        scope.annotate(text);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(scope) = scope_of(id, &context) {
            push(scope);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(scope) = scope_of(id, &context) {
            pop(scope.context());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(scope) = scope_of(&id, &context) {
            scope.finish();
        }
    }
}

fn scope_of<S: Subscriber + for<'a> LookupSpan<'a>>(id: &Id, context: &Context<'_, S>) -> Option<Scope> {
    context.span(id)?.extensions().get::<Scope>().cloned()
}

/// The fields of a span.
#[derive(Default)]
struct Fields {
    name: Option<String>,
    kind: Option<Kind>,
    tags: Vec<(&'static str, String)>,
}

impl Fields {
    fn into_tags(self, scope: &Scope) {
        scope.record(|span| self.tags.into_iter().for_each(|(key, value)| span.tag(key, value)));
    }

    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "otel.name" => self.name = Some(value),
            "otel.kind" => self.kind = Kind::from_name(&value.to_ascii_uppercase()),
            name => self.tags.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }
}

/// An event in words: its message, then its fields.
#[derive(Default)]
struct Text(String);

impl Text {
    fn add(&mut self, field: &Field, value: &dyn std::fmt::Display) {
        if field.name() == "message" {
            let rest = std::mem::take(&mut self.0);
            self.0 = if rest.is_empty() { value.to_string() } else { format!("{value} {rest}") };
        } else {
            let separator = if self.0.is_empty() { "" } else { " " };
            // Writing to a String cannot fail.
            let _ = write!(self.0, "{separator}{}={value}", field.name());
        }
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format_args!("{value:?}"));
    }
}
