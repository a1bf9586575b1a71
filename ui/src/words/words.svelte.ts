//! Says everything in the reader's language. English is the key, so it is always complete; others are loaded when chosen.

export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;
export type Words = Readonly<Record<string, string>>;

const LOADERS: Record<Exclude<Language, "en">, () => Promise<{ default: Words }>> = { zh: () => import("./zh") };

let language = $state<Language>("en");
let words = $state.raw<Words>({});

/** `{name}` in a text is filled from `values`. A text without a translation stays English. */
export function t(text: string, values?: Readonly<Record<string, string | number>>): string {
  const said = words[text] ?? text;
  return values ? said.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all)) : said;
}

/** `one` for a count of 1, else `many`; `{n}` is the count. */
export function tn(count: number, one: string, many: string, shown: string | number = count): string {
  return t(count === 1 ? one : many, { n: shown });
}

export function languageNow(): Language {
  return language;
}

export async function speak(wanted: Language): Promise<void> {
  const loaded = wanted === "en" ? {} : (await LOADERS[wanted]()).default;
  language = wanted;
  words = loaded;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : wanted;
}

/** What a browser prefers, of what there is. */
export function bestLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const found = (Object.keys(LANGUAGES) as Language[]).find((it) => it === tag.toLowerCase().split("-")[0]);
    if (found) return found;
  }
  return "en";
}
