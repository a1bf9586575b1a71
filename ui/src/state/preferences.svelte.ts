//! What the reader chose for all pages, kept in the browser: theme, time zone and language.
import { assignRing } from "../model/ring";
import { bestLanguage, LANGUAGES, speak, type Language } from "../words/words.svelte";

export type Theme = "light" | "dark" | "system";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    // A browser may refuse storage; then the choice lasts as long as the page.
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

const asked = stored("spanlet.theme");
let theme = $state<Theme>(THEMES.find((it) => it === asked) ?? "system");
let utc = $state(stored("spanlet.utc") === "1");
let systemDark = $state(matchMedia("(prefers-color-scheme: dark)").matches);
let ring = $state.raw<ReadonlyMap<string, number>>(new Map());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
  systemDark = event.matches;
});

function showTheme(): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
showTheme();

export const preferences = {
  get theme(): Theme {
    return theme;
  },
  /** Changes whenever the colours on screen do. */
  get dark(): boolean {
    return theme === "dark" || (theme === "system" && systemDark);
  },
  get utc(): boolean {
    return utc;
  },
  nextTheme(): void {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    keep("spanlet.theme", theme);
    showTheme();
  },
  /** Follows the browser until a language is chosen. */
  async startLanguage(): Promise<void> {
    const asked = stored("spanlet.language");
    const known = (Object.keys(LANGUAGES) as Language[]).find((it) => it === asked);
    await speak(known ?? bestLanguage(navigator.languages));
  },
  chooseLanguage(language: Language): void {
    keep("spanlet.language", language);
    void speak(language);
  },
  toggleUtc(): void {
    utc = !utc;
    keep("spanlet.utc", utc ? "1" : "0");
  },
};

/** Colours of services. All names of the store come first, so that a service looks alike on every page. */
export const colours = {
  learn(names: Iterable<string>): void {
    const unknown = [...names].filter((name) => name !== "" && !ring.has(name));
    if (unknown.length > 0) ring = assignRing(unknown, ring);
  },
  /** The class that carries the colour; none for time that is nobody's. */
  of(service: string): string {
    const step = ring.get(service);
    return step === undefined ? "" : `svc-${step}`;
  },
  stepOf(service: string): number | undefined {
    return ring.get(service);
  },
};
