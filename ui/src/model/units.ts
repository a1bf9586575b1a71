//! Times that must not be mixed up: spans count in microseconds, searches in milliseconds.
export type Micros = number & { readonly unit: "us" };
export type Millis = number & { readonly unit: "ms" };

export const micros = (value: number): Micros => value as Micros;
export const millis = (value: number): Millis => value as Millis;
