//! The server's `config.json`, for all pages.
import { fetchConfig } from "../api/zipkin";
import { CONFIG_DEFAULT, type Config } from "../model/config";

let current = $state.raw<Config>(CONFIG_DEFAULT);

export const config = {
  get now(): Config {
    return current;
  },
};

/** A search cannot start before it: its limit and its range come from there. */
export const configured: Promise<void> = fetchConfig().then((said) => {
  current = said;
});
