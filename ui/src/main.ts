//! Starts the page.
import { mount } from "svelte";
import App from "./App.svelte";
import "./parts/tokens.css";
import "./parts/base.css";
import "./parts/ring.css";

const target = document.getElementById("app");
if (!target) throw new Error("the page has no element with the id app");
mount(App, { target });
