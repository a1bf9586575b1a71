//! The API over the memory store, asked as HTTP clients ask it.

mod caching;
mod changes;
mod columns;
mod cost;
mod distributions;
mod edge;
mod extensions;
mod figures;
mod health;
mod openapi;
mod statistics;
mod status;
mod support;
mod switches;
mod zipkin;
