//! Starts the page.
import { mount } from "svelte";
import App from "./App.svelte";
import { preferences } from "./state/preferences.svelte";
import "./parts/tokens.css";
import "./parts/base.css";
import "./parts/ring.css";

const target = document.getElementById("app");
if (!target) throw new Error("the page has no element with the id app");
// The first words on screen are in the reader's language already.
void preferences.startLanguage().finally(() => mount(App, { target }));
